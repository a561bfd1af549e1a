"""Session fixtures of PostgreSQL, for tests/conftest.py to import."""

import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack
from functools import cache
from pathlib import Path

import pytest

from servers.postgres import DEFAULT_MAJOR, EVERY_MAJOR, PostgresForTests, require_programs


@pytest.fixture(scope="session")
def postgres_of_major() -> Iterator[Callable[[int], PostgresForTests]]:
    """Gives the session's server of a major version, started when it is first asked for."""
    with ExitStack() as servers:

        @cache
        def start(major: int) -> PostgresForTests:
            programs = require_programs(major)
            # Not pytest's own folder, which other users cannot enter: root's tests run the server as nobody.
            folder = servers.enter_context(tempfile.TemporaryDirectory(prefix="moorage-tests-"))
            server = PostgresForTests.start(Path(folder), programs)
            servers.callback(server.stop)
            return server

        yield start


@pytest.fixture(scope="session")
def postgres(postgres_of_major: Callable[[int], PostgresForTests]) -> PostgresForTests:
    """One server for the whole run, of the version that standalone installations get; without durability."""
    return postgres_of_major(DEFAULT_MAJOR)


@pytest.fixture(params=EVERY_MAJOR, ids=lambda major: f"postgresql-{major}")
def every_postgres(
    request: pytest.FixtureRequest, postgres_of_major: Callable[[int], PostgresForTests]
) -> PostgresForTests:
    """Runs the test on each major version we promise to work with at either end of the range."""
    return postgres_of_major(request.param)


@pytest.fixture
def durable_postgres() -> Iterator[PostgresForTests]:
    """A server of this test's own that keeps what it has acknowledged."""
    with tempfile.TemporaryDirectory(prefix="moorage-tests-") as folder:
        server = PostgresForTests.start(Path(folder), require_programs(DEFAULT_MAJOR), durable=True)
        yield server
        server.stop()


@pytest.fixture
async def fresh_dsn(postgres: PostgresForTests) -> AsyncIterator[str]:
    """The DSN of an empty database for one test."""
    dsn = await postgres.fresh_database()
    yield dsn
    await postgres.drop(dsn)


@pytest.fixture
async def every_fresh_dsn(every_postgres: PostgresForTests) -> AsyncIterator[str]:
    """The DSN of an empty database for one test, on each major version."""
    dsn = await every_postgres.fresh_database()
    yield dsn
    await every_postgres.drop(dsn)
