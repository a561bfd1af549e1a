"""The decision tables of this folder, read: rows with their questions."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

FOLDER: Final = Path(__file__).parent
Table = dict[str, Any]
"""A file as YAML reads it; README.md says what is in it."""


@dataclass(frozen=True, slots=True)
class Row:
    """One question of one row: what is given, what is asked, what is answered."""

    table: str
    name: str
    given: tuple[str, ...]
    asked: str
    reason: str

    def __str__(self) -> str:
        return f"{self.table}: {self.name}: {self.asked}"


def rows() -> list[Row]:
    """Every question of every row of every table."""
    return [row for stem, table in _tables() for row in _rows(stem, table)]


def _rows(stem: str, table: Table) -> Iterator[Row]:
    for row in table["rows"]:
        given = (*table["given"], *row.get("given", []))
        for asked, reason in row["then"].items():
            yield Row(stem, row["name"], given, asked, reason)


def _tables() -> list[tuple[str, Table]]:
    read = [(path.stem, yaml.safe_load(path.read_text("utf-8"))) for path in sorted(FOLDER.glob("*.yaml"))]
    # `staleness.yaml` is no table of decisions, but of what a decision may rest on.
    return [(stem, table) for stem, table in read if "rows" in table]
