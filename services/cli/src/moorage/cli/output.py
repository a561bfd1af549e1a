"""Prints: JSON for programs, tables and sentences for people, failures to standard error."""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.progress import Progress
from rich.table import Table

from moorage.cli.failure import CommandFailed

if TYPE_CHECKING:
    from pydantic import BaseModel


def print_json(value: "BaseModel | dict[str, Any] | list[Any]") -> None:
    """The value as indented JSON on standard output."""
    plain = value if isinstance(value, dict | list) else value.model_dump(mode="json", exclude_none=True)
    print(json.dumps(plain, indent=2, ensure_ascii=False))


def print_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Rows under headings; a narrow terminal folds cells rather than cutting them."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*map(escape, row))
    Console(highlight=False, width=None if Console().is_terminal else 200).print(table)


def print_text(text: str) -> None:
    """A sentence on standard output, exactly as it is."""
    print(text, flush=True)


def print_note(text: str) -> None:
    """A remark for people beside the output, on standard error."""
    Console(stderr=True, highlight=False).print(escape(text), soft_wrap=True)


@contextmanager
def progress(what: str, total: int) -> Iterator[Callable[[int], None]]:
    """A bar on standard error, if that is a terminal, that moves on by what the given function is told."""
    console = Console(stderr=True, highlight=False)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(what, total=total)
        yield lambda steps: bar.advance(task, steps)


def print_failure(failure: CommandFailed) -> None:
    """What went wrong and what to do about it, on standard error."""
    console = Console(stderr=True, highlight=False)
    console.print(f"[bold red]Error:[/] {escape(failure.what)}", soft_wrap=True)
    console.print(escape(failure.remedy), soft_wrap=True)
