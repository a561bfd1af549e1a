"""Statements bind SQL to a row type, and the database tells its failures in our words."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any, NamedTuple
from uuid import UUID, uuid4

import asyncpg
import pytest

from moorage.runtime.migrations import connected
from moorage.runtime.postgres import (
    Database,
    DatabaseRefused,
    DatabaseUnavailable,
    InvalidDatabaseAddress,
    InvalidIdentifier,
)
from moorage.runtime.schema_role import ensure_schema_role
from moorage.runtime.statement import Statement, execute, fetch_all, fetch_one, statements
from moorage.runtime.statement_fit import misfits
from servers.postgres import PostgresForTests


@dataclass(frozen=True)
class Boat:
    id: UUID
    name: str
    details: Any
    length: int | None


class Name(NamedTuple):
    name: str


BOATS = Statement(Boat, "SELECT id, name, details, length FROM boat ORDER BY name")
NAMES = Statement(Name, "SELECT name FROM boat ORDER BY name")
COUNT = Statement(int, "SELECT count(*) FROM boat")
ADD = Statement(type(None), "INSERT INTO boat (id, name, details) VALUES ($1, $2, $3)")
REMOVE_ALL = Statement(type(None), "DELETE FROM boat")
BACKEND = Statement(int, "SELECT pg_backend_pid()")


@pytest.fixture
async def database(every_fresh_dsn: str) -> AsyncIterator[Database]:
    connection = await asyncpg.connect(every_fresh_dsn)
    await connection.execute("CREATE SCHEMA harbour")
    await connection.execute("CREATE TABLE harbour.boat (id uuid, name text, details jsonb, length integer)")
    await connection.close()
    async with await Database.open(every_fresh_dsn, "harbour", size=2, acquire_timeout=2) as opened:
        yield opened


async def test_rows_come_as_the_statements_type(database: Database) -> None:
    identifier = uuid4()
    async with database.transaction() as connection:
        assert await execute(connection, ADD, identifier, "Ada", {"masts": [1, 2]}) == 1
        assert await fetch_all(connection, BOATS) == [Boat(identifier, "Ada", {"masts": [1, 2]}, None)]
        assert await fetch_one(connection, NAMES) == Name("Ada")
        assert await fetch_one(connection, COUNT) == 1
        assert await execute(connection, REMOVE_ALL) == 1
        assert await fetch_one(connection, NAMES) is None


async def test_a_transaction_that_raises_leaves_nothing(database: Database) -> None:
    async def add_and_raise() -> None:
        async with database.transaction() as connection:
            await execute(connection, ADD, uuid4(), "Ada", None)
            raise KeyError

    with pytest.raises(KeyError):
        await add_and_raise()
    async with database.connection() as connection:
        assert await fetch_one(connection, COUNT) == 0


async def test_a_cancelled_transaction_leaves_nothing_and_frees_its_connection(database: Database) -> None:
    async def add_and_wait(added: asyncio.Event) -> None:
        async with database.transaction() as connection:
            await execute(connection, ADD, uuid4(), "Ada", None)
            added.set()
            await connection.execute("SELECT pg_sleep(60)")

    for _ in range(3):
        added = asyncio.Event()
        task = asyncio.create_task(add_and_wait(added))
        await added.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    async with database.connection() as connection:
        assert await fetch_one(connection, COUNT) == 0


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        (BOATS, []),
        (NAMES, []),
        (COUNT, []),
        (ADD, []),
        (Statement(Name, "SELECT name, length FROM boat"), ["length is not in the row type"]),
        (Statement(Boat, "SELECT id, details, length FROM boat"), ["name is in the row type only"]),
        (Statement(Name, "SELECT length AS name FROM boat"), [f"name is int4, the row type says {str}"]),
        (Statement(str, "SELECT length FROM boat"), [f"length is int4, the row type says {str}"]),
        (Statement(str, "SELECT name, name FROM boat"), ["returns 2 columns, a scalar row type needs one"]),
        (Statement(type(None), "DELETE FROM boat RETURNING name"), ["returns name, its row type says nothing"]),
    ],
)
async def test_a_statement_is_compared_with_the_schema(
    database: Database, statement: Statement[Any], expected: list[str]
) -> None:
    async with database.connection() as connection:
        assert await misfits(connection, statement) == expected


def test_every_statement_of_a_package_is_found_once() -> None:
    package = ModuleType("harbour")
    vars(package).update(BOATS=BOATS, SAME=BOATS, COUNT=COUNT, other=1)
    assert list(statements(package)) == [("harbour.BOATS", BOATS), ("harbour.COUNT", COUNT)]


def test_statements_walks_into_the_modules_of_a_package() -> None:
    import moorage.runtime

    names = [name for name, _ in statements(moorage.runtime)]
    assert "moorage.runtime.migrations.APPLIED" in names


async def test_a_lost_connection_is_unavailable_and_the_next_one_works(database: Database) -> None:
    async with database.connection() as killer:

        async def use_and_be_killed() -> None:
            async with database.transaction() as connection:
                pid = await fetch_one(connection, BACKEND)
                await killer.execute("SELECT pg_terminate_backend($1)", pid)
                await fetch_one(connection, COUNT)

        with pytest.raises(DatabaseUnavailable):
            await use_and_be_killed()
    async with database.connection() as connection:
        assert await fetch_one(connection, COUNT) == 0


async def test_a_statement_that_takes_too_long_is_unavailable(every_fresh_dsn: str) -> None:
    async with await Database.open(every_fresh_dsn, "public", statement_timeout=0.05) as database:
        with pytest.raises(DatabaseUnavailable):
            async with database.connection() as connection:
                await connection.execute("SELECT pg_sleep(60)")


async def test_a_plan_that_is_made_once_does_not_depend_on_the_arguments(every_fresh_dsn: str) -> None:
    """Without it PostgreSQL plans the first runs of a statement again and again."""
    counted = Statement(int, "SELECT generic_plans FROM pg_prepared_statements WHERE statement = $1")
    small = Statement(int, "SELECT $1::int + 1")
    found = []
    for once in (True, False):
        async with (
            await Database.open(every_fresh_dsn, "public", plan_once=once) as database,
            database.connection() as connection,
        ):
            for number in range(3):
                assert await fetch_one(connection, small, number) == number + 1
            found.append(await fetch_one(connection, counted, small.sql) or 0)
    assert found == [3, 0]


async def test_no_free_connection_in_time_is_unavailable(every_fresh_dsn: str) -> None:
    async with await Database.open(every_fresh_dsn, "public", size=1, acquire_timeout=0.05) as database:  # noqa: SIM117 - what is raised inside is looked at
        async with database.connection():
            with pytest.raises(DatabaseUnavailable):
                async with database.connection():
                    pass


async def test_errors_of_the_body_stay_what_they_are(database: Database) -> None:
    with pytest.raises(FileNotFoundError):
        async with database.transaction():
            raise FileNotFoundError
    with pytest.raises(asyncpg.UndefinedTableError):
        async with database.transaction() as connection:
            await connection.execute("SELECT FROM nowhere")
    with pytest.raises(asyncpg.InterfaceError):
        async with database.transaction() as connection:
            await connection.execute("SELECT $1::integer", 1, 2)


async def test_a_closed_database_is_unavailable(every_fresh_dsn: str) -> None:
    database = await Database.open(every_fresh_dsn, "public")
    await database.close()
    with pytest.raises(DatabaseUnavailable):
        async with database.connection():
            pass


@pytest.mark.parametrize(
    ("dsn", "expected"),
    [
        ("postgresql://boat:hunter2@/x?host=/nowhere", DatabaseUnavailable),
        ("postgresql://boat:hunter2@127.0.0.1:1/x", DatabaseUnavailable),
        ("postgresql://boat:hunter2@[::1/x", InvalidDatabaseAddress),
        ("postgresql://boat@127.0.0.1:hunter2/x", InvalidDatabaseAddress),
        ("hunter2://boat@127.0.0.1/x", InvalidDatabaseAddress),
    ],
)
async def test_an_address_that_does_not_work_is_told_without_its_secret(dsn: str, expected: type[Exception]) -> None:
    with pytest.raises(expected) as raised:
        await Database.open(dsn, "public")
    assert "hunter2" not in str(raised.value) + repr(raised.value)
    assert raised.value.__suppress_context__ or "hunter2" not in repr(raised.value.__context__)


async def test_a_wrong_password_is_refused_without_telling_it(postgres: PostgresForTests) -> None:
    dsn = postgres.server.dsn.replace("moorage:", "moorage:hunter2", 1)
    with pytest.raises(DatabaseRefused) as raised:
        await Database.open(dsn, "public")
    assert "hunter2" not in str(raised.value)


async def test_the_database_shows_its_schema_only(database: Database, every_fresh_dsn: str) -> None:
    assert repr(database) == "Database(schema='harbour')"


@pytest.mark.parametrize("name", ["", "Harbour", "a b", "x; DROP", "1a", 'a"', "a" * 42])
async def test_a_schema_name_is_a_plain_identifier(postgres: PostgresForTests, name: str) -> None:
    with pytest.raises(InvalidIdentifier):
        await Database.open(postgres.server.dsn, name)


async def test_each_schema_has_a_role_that_cannot_read_the_other(every_fresh_dsn: str) -> None:
    roles = [await ensure_schema_role(every_fresh_dsn, schema) for schema in ("harbour", "yard", "harbour")]
    assert roles == ["moorage_harbour", "moorage_yard", "moorage_harbour"]
    async with await Database.open(every_fresh_dsn, "yard", role="moorage_yard") as yard:  # noqa: SIM117 - what is raised inside is looked at
        async with yard.transaction() as connection:
            await connection.execute("CREATE TABLE plank (id integer)")
    async with await Database.open(every_fresh_dsn, "harbour", role="moorage_harbour") as harbour:
        # Twice: the role must outlast the reset when a connection goes back to the pool.
        for _ in range(2):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                async with harbour.connection() as connection:
                    await connection.execute("SELECT FROM yard.plank")


@pytest.mark.parametrize(("power", "expected"), [("CREATEROLE", "moorage_"), ("NOCREATEROLE", None)])
async def test_a_login_that_is_no_superuser(every_fresh_dsn: str, power: str, expected: str | None) -> None:
    suffix = uuid4().hex[:12]
    login, schema = f"login_{suffix}", f"harbour_{suffix}"
    database = every_fresh_dsn.partition("?")[0].rpartition("/")[2]
    async with connected(every_fresh_dsn, "public") as admin:
        await admin.execute(f"CREATE ROLE {login} LOGIN PASSWORD 'x' {power}")
        await admin.execute(f"GRANT CREATE ON DATABASE {database} TO {login}")
    dsn = f"postgresql://{login}:x@/{database}?{every_fresh_dsn.partition('?')[2]}"
    role = await ensure_schema_role(dsn, schema)
    assert role == (expected and f"{expected}{schema}")
    if role is not None:
        async with await Database.open(dsn, schema, role=role) as opened, opened.transaction() as connection:
            await connection.execute("CREATE TABLE boat (id integer)")


async def test_many_ask_for_the_role_at_once(every_fresh_dsn: str) -> None:
    schema = f"harbour_{uuid4().hex[:12]}"
    roles = await asyncio.gather(*(ensure_schema_role(every_fresh_dsn, schema) for _ in range(8)))
    assert set(roles) == {f"moorage_{schema}"}
