"""Migrations are applied once, in order, by whoever comes first, and a killed run is continued by the next."""

import asyncio
import signal
import sys
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from moorage.runtime import migrations
from moorage.runtime.migration_files import InvalidMigrationFiles
from moorage.runtime.migrations import (
    DatabaseNewer,
    MigrationChanged,
    MigrationFailed,
    UnsupportedServer,
    migrate,
)
from moorage.runtime.postgres import Database, DatabaseUnavailable
from moorage.runtime.schema_role import ensure_schema_role

FIRST = "CREATE TABLE boat (id integer PRIMARY KEY);"
SECOND = "INSERT INTO boat VALUES (1); INSERT INTO boat VALUES (2);"

RUN = """
import asyncio, pathlib, sys, time
from moorage.runtime.migrations import migrate

def stop_before_second(migration):
    print(migration.number, flush=True)
    if migration.number == 2:
        time.sleep(60)

asyncio.run(migrate(sys.argv[1], "harbour", pathlib.Path(sys.argv[2]), progress=stop_before_second))
"""


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "0001_boats.sql").write_text(FIRST)
    (tmp_path / "0002_two_boats.sql").write_text(SECOND)
    (tmp_path / "README.md").write_text("not SQL")
    return tmp_path


async def rows(dsn: str, sql: str) -> list[Any]:
    connection = await asyncpg.connect(dsn)
    try:
        return [tuple(record) for record in await connection.fetch(sql)]
    finally:
        await connection.close()


async def test_files_are_applied_once_in_order_and_told(every_fresh_dsn: str, files: Path) -> None:
    told: list[int] = []
    applied = await migrate(every_fresh_dsn, "harbour", files, progress=lambda file: told.append(file.number))
    assert [file.name for file in applied] == ["boats", "two_boats"]
    assert told == [1, 2]
    assert await migrate(every_fresh_dsn, "harbour", files) == []
    assert await rows(every_fresh_dsn, "SELECT number, name FROM harbour.migration ORDER BY number") == [
        (1, "boats"),
        (2, "two_boats"),
    ]


async def test_each_schema_has_its_own_history(every_fresh_dsn: str, files: Path) -> None:
    await migrate(every_fresh_dsn, "harbour", files)
    assert len(await migrate(every_fresh_dsn, "yard", files)) == 2


async def test_eight_starters_at_once_all_end_well(every_fresh_dsn: str, files: Path) -> None:
    done = await asyncio.gather(*(migrate(every_fresh_dsn, "harbour", files) for _ in range(8)))
    assert sorted(len(applied) for applied in done) == [0] * 7 + [2]
    assert await rows(every_fresh_dsn, "SELECT count(*) FROM harbour.boat") == [(2,)]


async def test_a_changed_file_is_named(every_fresh_dsn: str, files: Path) -> None:
    await migrate(every_fresh_dsn, "harbour", files)
    (files / "0001_boats.sql").write_text(FIRST + " -- changed")
    with pytest.raises(MigrationChanged, match="0001"):
        await migrate(every_fresh_dsn, "harbour", files)


async def test_other_line_ends_are_no_change(every_fresh_dsn: str, files: Path) -> None:
    (files / "0001_boats.sql").write_bytes(b"SELECT 1;\n" + FIRST.encode())
    await migrate(every_fresh_dsn, "harbour", files)
    (files / "0001_boats.sql").write_bytes(b"SELECT 1;\r\n" + FIRST.encode())
    assert await migrate(every_fresh_dsn, "harbour", files) == []


async def test_a_database_newer_than_the_code_is_left_alone(every_fresh_dsn: str, files: Path) -> None:
    await migrate(every_fresh_dsn, "harbour", files)
    (files / "0002_two_boats.sql").unlink()
    with pytest.raises(DatabaseNewer) as raised:
        await migrate(every_fresh_dsn, "harbour", files)
    assert (raised.value.database, raised.value.code) == (2, 1)


async def test_a_file_that_fails_leaves_nothing_and_can_be_corrected(every_fresh_dsn: str, files: Path) -> None:
    (files / "0002_two_boats.sql").write_text("INSERT INTO boat VALUES (1); INSERT INTO boat VALUES (1);")
    with pytest.raises(MigrationFailed, match="0002"):
        await migrate(every_fresh_dsn, "harbour", files)
    assert await rows(every_fresh_dsn, "SELECT * FROM harbour.boat") == []
    (files / "0002_two_boats.sql").write_text(SECOND)
    assert [file.number for file in await migrate(every_fresh_dsn, "harbour", files)] == [2]


async def test_a_run_killed_between_files_is_continued(every_fresh_dsn: str, files: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", RUN, every_fresh_dsn, str(files), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    assert [await process.stdout.readline() for _ in range(2)] == [b"1\n", b"2\n"]
    process.send_signal(signal.SIGKILL)
    await process.communicate()
    assert [file.number for file in await migrate(every_fresh_dsn, "harbour", files)] == [2]
    assert await rows(every_fresh_dsn, "SELECT count(*) FROM harbour.boat") == [(2,)]


async def test_a_cancelled_run_is_continued(every_fresh_dsn: str, files: Path) -> None:
    (files / "0002_two_boats.sql").write_text("INSERT INTO boat VALUES (7); SELECT pg_sleep(60);")
    second = asyncio.Event()
    run = asyncio.create_task(
        migrate(every_fresh_dsn, "harbour", files, progress=lambda file: second.set() if file.number == 2 else None)
    )
    await second.wait()
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run
    (files / "0002_two_boats.sql").write_text(SECOND)
    assert [file.number for file in await migrate(every_fresh_dsn, "harbour", files)] == [2]


async def test_a_table_that_stays_locked_ends_the_run(
    every_fresh_dsn: str, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await migrate(every_fresh_dsn, "harbour", files)
    (files / "0003_length.sql").write_text("ALTER TABLE boat ADD COLUMN length integer;")
    monkeypatch.setattr(migrations, "LOCK_TIMEOUT", 0.5)
    async with await Database.open(every_fresh_dsn, "harbour") as database, database.transaction() as holder:
        await holder.execute("LOCK TABLE boat")
        with pytest.raises(DatabaseUnavailable):
            await migrate(every_fresh_dsn, "harbour", files)
    assert [file.number for file in await migrate(every_fresh_dsn, "harbour", files)] == [3]


async def test_an_unsupported_server_is_refused(
    every_fresh_dsn: str, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrations, "OLDEST_SERVER", 14)
    monkeypatch.setattr(migrations, "NEWEST_SERVER", 14)
    with pytest.raises(UnsupportedServer, match="is not supported"):
        await migrate(every_fresh_dsn, "harbour", files)


async def test_the_schemas_role_owns_what_the_files_make(every_fresh_dsn: str, files: Path) -> None:
    role = await ensure_schema_role(every_fresh_dsn, "harbour")
    await migrate(every_fresh_dsn, "harbour", files, role=role)
    owners = await rows(every_fresh_dsn, "SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'harbour'")
    assert owners == [("moorage_harbour",)]


@pytest.mark.parametrize("names", [["0002_a.sql"], ["0001_a.sql", "0001_b.sql"], ["0001_a.sql", "3_b.sql"], ["x.sql"]])
async def test_badly_numbered_files_are_refused_before_connecting(tmp_path: Path, names: list[str]) -> None:
    for name in names:
        (tmp_path / name).touch()
    with pytest.raises(InvalidMigrationFiles):
        await migrate("postgresql://", "harbour", tmp_path)
