"""Storage's migrations on a registry that is in use: what was there is looked into, and nobody waits for that."""

from importlib.resources import files
from pathlib import Path
from shutil import copyfile
from typing import Final

import pytest

from moorage.runtime.migration_files import read_migrations
from moorage.runtime.migrations import migrate
from moorage.runtime.postgres import Database
from moorage.storage.app import SCHEMA

MIGRATIONS: Final = files("moorage.storage.postgres.migrations")
FILES: Final = {migration.number: migration.sql for migration in read_migrations(MIGRATIONS)}
WHAT_WAS_THERE: Final = 6
_LINKED: Final = """
WITH blob AS (INSERT INTO blob (digest, key, size) VALUES ($1, gen_random_uuid(), 1) RETURNING digest)
INSERT INTO blob_link (image, digest) SELECT gen_random_uuid(), digest FROM blob
"""
_PUSHED: Final = """
INSERT INTO manifest (image, digest, media_type, body, annotations, token, pushed_by)
VALUES (gen_random_uuid(), $1, 'text/plain', '', '{}', '{1,1}', 'user:pusher')
"""
_LOCKS: Final = """
SELECT relation::regclass::text FROM pg_locks JOIN pg_class ON pg_class.oid = relation
WHERE pid = pg_backend_pid() AND relkind = 'r' AND relnamespace = 'storage'::regnamespace
    AND mode NOT IN ('AccessShareLock', 'RowShareLock', 'RowExclusiveLock', 'ShareUpdateExclusiveLock')
"""
_ROWS_READ: Final = """
SELECT sum(pg_stat_get_xact_tuples_returned(oid)) FROM pg_class
WHERE relname IN ('blob', 'blob_link', 'manifest') AND relnamespace = 'storage'::regnamespace
"""


def up_to(number: int, folder: Path) -> Path:
    """A folder with the files up to that one."""
    folder.mkdir()
    for file in Path(str(MIGRATIONS)).glob("*.sql"):
        if int(file.name[:4]) <= number:
            copyfile(file, folder / file.name)
    return folder


async def test_what_was_there_before_is_reviewed(every_fresh_dsn: str, tmp_path: Path) -> None:
    """Also what came between the migrations; a blob that no image holds, too."""
    await migrate(every_fresh_dsn, SCHEMA, up_to(3, tmp_path / "before"))
    async with await Database.open(every_fresh_dsn, SCHEMA) as database, database.connection() as c:
        await c.execute("INSERT INTO blob (digest, key, size) VALUES ('alone', gen_random_uuid(), 1)")
        await c.execute(_LINKED, "early")
        await c.execute(_PUSHED, "early manifest")
        await migrate(every_fresh_dsn, SCHEMA, up_to(WHAT_WAS_THERE - 1, tmp_path / "between"))
        await c.execute(_LINKED, "late")
        await migrate(every_fresh_dsn, SCHEMA, MIGRATIONS)
        reviews = await c.fetch("SELECT DISTINCT kind, digest FROM review ORDER BY kind, digest")
    found = [tuple(review) for review in reviews]
    assert found == [("blob", "alone"), ("link", "early"), ("link", "late"), ("manifest", "early manifest")]


async def test_what_reads_whole_tables_keeps_nobody_from_reading(every_fresh_dsn: str, tmp_path: Path) -> None:
    """Nor from writing, until its very last statements build indexes over one table."""
    await migrate(every_fresh_dsn, SCHEMA, up_to(WHAT_WAS_THERE - 1, tmp_path / "before"))
    before, index, indexes = FILES[WHAT_WAS_THERE].partition("CREATE INDEX")
    async with await Database.open(every_fresh_dsn, SCHEMA) as database, database.transaction() as c:
        await c.execute(before)
        assert await c.fetch(_LOCKS) == []
        await c.execute(index + indexes)
        assert [tuple(row) for row in await c.fetch(_LOCKS)] == [("blob",)]


@pytest.mark.parametrize("number", [4, 5])
async def test_what_locks_tables_reads_none(every_fresh_dsn: str, tmp_path: Path, number: int) -> None:
    """However much is in them, it takes no longer."""
    await migrate(every_fresh_dsn, SCHEMA, up_to(number - 1, tmp_path / "before"))
    async with await Database.open(every_fresh_dsn, SCHEMA) as database, database.connection() as c:
        await c.execute(_LINKED, "early")
        await c.execute(_PUSHED, "early manifest")
    async with await Database.open(every_fresh_dsn, SCHEMA) as database, database.transaction() as c:
        await c.execute(FILES[number])
        assert await c.fetchval(_ROWS_READ) == 0
