"""SQL with a name: a constant bound to the row it returns, and the few ways to run it.

A row is a dataclass or a NamedTuple whose field names are the column names, a scalar type for statements of one
column, or `type(None)` for statements that return nothing.
"""

import dataclasses
import importlib
import pkgutil
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final, Generic, TypeAlias, TypeVar

if TYPE_CHECKING:
    import asyncpg
    from asyncpg.pool import PoolConnectionProxy

    Connection: TypeAlias = asyncpg.Connection[asyncpg.Record] | PoolConnectionProxy[asyncpg.Record]
else:
    # asyncpg's own classes are generic in their stubs only.
    Connection: TypeAlias = Any

_PREFETCH: Final = 500

Row = TypeVar("Row")


@dataclass(frozen=True)
class Statement(Generic[Row]):
    """One SQL statement and the type of the rows it returns."""

    row: type[Row]
    sql: str


def statements(package: ModuleType) -> Iterator[tuple[str, Statement[Any]]]:
    """Every statement defined in the package's modules, named `module.CONSTANT`; each object once."""
    seen: set[int] = set()
    for module in _modules(package):
        for name, value in vars(module).items():
            if isinstance(value, Statement) and id(value) not in seen:
                seen.add(id(value))
                yield f"{module.__name__}.{name}", value


def _modules(package: ModuleType) -> Iterator[ModuleType]:
    yield package
    for found in pkgutil.walk_packages(getattr(package, "__path__", ()), f"{package.__name__}."):
        yield importlib.import_module(found.name)


def has_columns(row: type[Any]) -> bool:
    """Whether the row type names its columns (dataclass or NamedTuple); otherwise it is a scalar."""
    return dataclasses.is_dataclass(row) or hasattr(row, "_fields")


async def fetch_one(connection: Connection, statement: Statement[Row], *arguments: Any) -> Row | None:
    """The first row, or None when there is none. A scalar statement's NULL is None too."""
    record = await connection.fetchrow(statement.sql, *arguments)
    return None if record is None else _read(statement.row, record)


async def fetch_all(connection: Connection, statement: Statement[Row], *arguments: Any) -> list[Row]:
    """All rows, in the order the statement gives them."""
    return [_read(statement.row, record) for record in await connection.fetch(statement.sql, *arguments)]


async def fetch_plain(connection: Connection, statement: Statement[Any], *arguments: Any) -> "list[asyncpg.Record]":
    """All rows as the connection gives them, to be unpacked in the order of their columns, a thousand at a time."""
    return await connection.fetch(statement.sql, *arguments)


async def fetch_each(connection: Connection, statement: Statement[Row], *arguments: Any) -> AsyncIterator[Row]:
    """All rows, one after the other, a few hundred in memory at a time; inside a transaction only."""
    async for record in connection.cursor(statement.sql, *arguments, prefetch=_PREFETCH):
        yield _read(statement.row, record)


async def execute(connection: Connection, statement: Statement[None], *arguments: Any) -> int:
    """Runs a statement that returns nothing; answers how many rows it touched."""
    tag = await connection.execute(statement.sql, *arguments)
    count = tag.rpartition(" ")[2]
    return int(count) if count.isdigit() else 0


def _read(row: type[Row], record: "asyncpg.Record") -> Row:
    if has_columns(row):
        return row(**record)
    value: Row = record[0]
    return value
