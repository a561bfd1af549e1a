"""Markdown tables and figures as people read them."""

from collections.abc import Iterable, Sequence
from typing import Final

NOTHING: Final = "-"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of GitHub's Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def figure(value: float | None) -> str:
    """Three significant digits, and none behind the point of what is a thousand or more."""
    if value is None:
        return NOTHING
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def times(value: float | None) -> str:
    """A ratio as a goal."""
    return NOTHING if value is None else f"{value:g}×"  # noqa: RUF001 (the sign, not a letter)
