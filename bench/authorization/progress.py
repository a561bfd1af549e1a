"""What goes on, for people, on stderr; stdout has the figures only."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn


def said(text: str) -> None:
    """One sentence."""
    Console(stderr=True, highlight=False).print(text)


@contextmanager
def bar(text: str, total: int) -> Iterator["Bar"]:
    """A bar while the body runs."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        yield Bar(progress, progress.add_task(text, total=total))


class Bar:
    """Counts."""

    def __init__(self, progress: Progress, task: TaskID) -> None:
        self._progress = progress
        self._task = task

    def step(self, by: int = 1) -> None:
        """So many more are done."""
        self._progress.advance(self._task, by)
