"""Reads a folder of numbered SQL files."""

import hashlib
import re
from dataclasses import dataclass
from importlib.resources.abc import Traversable
from typing import Final

from moorage.runtime.lifecycle import CannotStart

FILE_NAME: Final = re.compile(r"(\d{4})_([a-z0-9_]+)\.sql")


@dataclass(frozen=True, slots=True)
class Migration:
    """One file: its number, its name without number and suffix, its text and the SHA-256 of that text."""

    number: int
    name: str
    sql: str
    checksum: str


class MigrationError(CannotStart):
    """The schema cannot be brought to the version of the code."""


class InvalidMigrationFiles(MigrationError):
    """The files are not numbered 0001, 0002, … without a gap or a repetition."""


def read_migrations(files: Traversable) -> list[Migration]:
    """The folder's `.sql` files in order of their numbers. Raises InvalidMigrationFiles."""
    found = sorted((file for file in files.iterdir() if file.name.endswith(".sql")), key=lambda file: file.name)
    migrations = [_read(file) for file in found]
    if [migration.number for migration in migrations] != list(range(1, len(migrations) + 1)):
        raise InvalidMigrationFiles(f"numbers must be 0001, 0002, …; found {[file.name for file in found]}")
    return migrations


def _read(file: Traversable) -> Migration:
    match = FILE_NAME.fullmatch(file.name)
    if match is None:
        raise InvalidMigrationFiles(f"{file.name} is not named like 0001_first_tables.sql")
    # A checkout that turns line ends must not look like a changed file.
    sql = file.read_text(encoding="utf-8").replace("\r\n", "\n")
    return Migration(int(match[1]), match[2], sql, hashlib.sha256(sql.encode()).hexdigest())
