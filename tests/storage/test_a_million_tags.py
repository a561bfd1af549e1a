"""An image of a million tags: whatever is done with one tag or one page touches few rows, and an index finds them.

What is asserted is what the plan did when it ran, by the database's own count: never how long it took.
"""

import itertools
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from importlib.resources import files
from typing import Any, Final
from urllib.parse import urlsplit, urlunsplit
from uuid import UUID

import pytest

from contracts.metadata import record_of, stored
from moorage.oci.digest import Digest
from moorage.runtime.migrations import migrate
from moorage.runtime.postgres import Database
from moorage.runtime.statement import Connection, Statement, fetch_all
from moorage.storage.app import SCHEMA
from moorage.storage.postgres import collectable_manifests, manifests, tags, undo
from servers.postgres import PostgresForTests
from storage.postgres_stores import postgres_stores

MANY: Final = 1_000_000
DELETED: Final = 100_000
PAGE: Final = 100
IMAGE: Final = UUID(int=1)
NAMED: Final = record_of("a million times")
FEW_BLOCKS: Final = 5 * PAGE
"""Of 8 KiB, that one statement reads or changes: the tags and their indexes fill some twenty thousand."""

# Foreign keys would be checked row by row, which takes longer than all the rest.
UNCHECKED: Final = "SET LOCAL session_replication_role = replica"
TAGS: Final = """
    INSERT INTO tag (image, name, digest, token)
    SELECT $1, 'tag' || lpad(number::text, 7, '0'), $2, '{1,1}' FROM generate_series(1, $3) AS number
    """
DELETED_TAGS: Final = """
    INSERT INTO deleted_tag (image, name, digest, token, token_is_local, deleted_by)
    SELECT $1, 'gone' || lpad(number::text, 7, '0'), $2, '{1,1}', false, 'user:deleter'
    FROM generate_series(1, $3) AS number
    """

OF: Final = f"'{IMAGE}'"
DIGEST: Final = f"'{NAMED.digest}'"
DAY: Final = "interval '1 day'"
ASKED: Final[Mapping[str, tuple[Statement[Any], Sequence[str]]]] = {
    "a page": (tags.PAGE, [OF, "''", f"{PAGE}"]),
    "a page from the middle": (tags.PAGE, [OF, "'tag0500000'", f"{PAGE}"]),
    "the last page": (tags.PAGE, [OF, "'tag0999950'", f"{PAGE}"]),
    "a tag is pulled": (manifests.FIND_BY_TAG, [OF, "'tag0500000'"]),
    "a tag is deleted": (tags.DELETE, [OF, "'tag0500000'", "'user:deleter'"]),
    "a page of deleted ones": (undo.DELETED_TAGS, [OF, "''", DAY, f"{PAGE}"]),
    "a page of deleted ones from the middle": (undo.DELETED_TAGS, [OF, "'gone0050000'", DAY, f"{PAGE}"]),
    "a deleted one is looked for": (undo.TAG_ASIDE, [OF, "'gone0050000'", DAY]),
    "a deleted one comes back": (undo.BRING_BACK_TAG, [OF, "'gone0050000'", DIGEST, "'{1,2}'", "'user:restorer'"]),
    "it lies aside no more": (undo.TAG_NOT_ASIDE, [OF, "'gone0050000'", DIGEST]),
    "collection asks whether it has a name": (collectable_manifests.STATES, [OF, f"ARRAY[{DIGEST}]", "now()"]),
    "collection asks of one without": (collectable_manifests.STATES, [OF, "ARRAY['sha256:none']", "now()"]),
}


@pytest.fixture
async def database(postgres: PostgresForTests) -> AsyncIterator[Database]:
    """The one database with such an image, made once: tests change nothing in it."""
    name = await postgres.template("a million tags", _filled)
    dsn = urlunsplit(urlsplit(postgres.server.dsn)._replace(path=f"/{name}"))
    async with await Database.open(dsn, SCHEMA) as database:
        yield database


async def _filled(dsn: str) -> None:
    await migrate(dsn, SCHEMA, files("moorage.storage.postgres.migrations"))
    async with await Database.open(dsn, SCHEMA) as database:
        stores = postgres_stores(database)
        await stored(stores, IMAGE, Digest.of(b"{}"), 2)
        await stores.manifests.put(IMAGE, NAMED)
        async with database.transaction() as c:
            await c.execute(UNCHECKED)
            await c.execute(TAGS, IMAGE, str(NAMED.digest), MANY)
            await c.execute(DELETED_TAGS, IMAGE, str(NAMED.digest), DELETED)
        async with database.connection() as c:
            await c.execute("VACUUM ANALYZE")


class _Undone(Exception):
    """Nothing of it stays."""


async def ran(database: Database, statement: Statement[Any], arguments: Sequence[str], plan_cache_mode: str) -> Any:
    """The plan of a prepared statement, with what it did."""
    plan: Any = None
    try:
        async with database.transaction() as c:
            await c.execute(f"SET LOCAL plan_cache_mode = {plan_cache_mode}")
            await c.execute(f"PREPARE asked AS {statement.sql}")
            execute = f"EXECUTE asked({', '.join(arguments)})"
            plan = await c.fetchval(f"EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON) {execute}")
            await c.execute("DEALLOCATE asked")
            raise _Undone
    except _Undone:
        return plan[0]["Plan"]


def nodes(plan: Any) -> Iterator[Any]:
    """All of a plan."""
    yield plan
    yield from itertools.chain.from_iterable(nodes(each) for each in plan.get("Plans", ()))


def touched(node: Any) -> float:
    """How many rows a node looked at."""
    left_out = sum(node.get(f"Rows Removed by {why}", 0) for why in ("Filter", "Index Recheck", "Join Filter"))
    return float((node["Actual Rows"] + left_out) * node["Actual Loops"])


def told(node: Any) -> str:
    """What a node did, in a line."""
    said = {key: node[key] for key in ("Relation Name", "Index Cond", "Filter", "Subplan Name") if key in node}
    return f"{node['Node Type']} {touched(node):.0f} rows {said}"


@pytest.mark.parametrize("plan_cache_mode", ["force_custom_plan", "force_generic_plan"])
@pytest.mark.parametrize("asked", ASKED)
async def test_an_index_finds_the_few_rows_that_are_asked_for(
    database: Database, asked: str, plan_cache_mode: str
) -> None:
    """Whether the plan was made for these arguments, or once for all, as it is after some executions."""
    plan = await ran(database, *ASKED[asked], plan_cache_mode)
    of_tags = [each for each in nodes(plan) if each.get("Relation Name") in ("tag", "deleted_tag")]
    scans = [each for each in of_tags if each["Node Type"] != "ModifyTable"]
    assert [told(each) for each in scans if "Index Cond" not in each] == []
    assert [told(each) for each in nodes(plan) if touched(each) > PAGE] == []
    assert plan["Shared Hit Blocks"] + plan["Shared Read Blocks"] <= FEW_BLOCKS


async def test_pages_of_a_million_follow_one_another(database: Database) -> None:
    """What the plans find is what was asked for."""

    async def names(c: Connection, after: str) -> list[str]:
        return [row.name for row in await fetch_all(c, tags.PAGE, IMAGE, after, PAGE)]

    async with database.connection() as c:
        assert await names(c, "") == [f"tag{number:07}" for number in range(1, 101)]
        assert await names(c, "tag0500000") == [f"tag{number:07}" for number in range(500_001, 500_101)]
        assert await names(c, "tag0999950") == [f"tag{number:07}" for number in range(999_951, MANY + 1)]
        assert await names(c, f"tag{MANY:07}") == []
