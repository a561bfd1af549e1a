"""The embedded server starts on any data folder of ours, survives what kills it, and ends when we end."""

import asyncio
import json
import os
import pwd
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import asyncpg
import pytest

from moorage.standalone.embedded_postgres import (
    DataFolderInUse,
    DataFolderOfAnotherVersion,
    EmbeddedPostgres,
    InitializationFailed,
    PasswordMissing,
    ProgramsMissing,
    ServerDidNotStart,
    UnsupportedPrograms,
)
from moorage.standalone.embedded_postgres.account import Account, choose_account
from moorage.standalone.embedded_postgres.folder import DataFolder
from moorage.standalone.embedded_postgres.process import left_behind, spawn
from moorage.standalone.embedded_postgres.programs import Programs
from servers.postgres import EVERY_MAJOR, require_programs

# What a program that embeds the server does: it turns both signals into an orderly end.
PROGRAM = """
import asyncio, json, pathlib, signal, sys
from moorage.standalone.embedded_postgres import EmbeddedPostgres

async def main():
    asked_to_stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, asked_to_stop.set)
    async with await EmbeddedPostgres.open(pathlib.Path(sys.argv[1])) as server:
        print("READY", json.dumps({"pid": server.pid, "dsn": server.dsn}), flush=True)
        await asked_to_stop.wait()

asyncio.run(main())
"""


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder that other users may enter, unlike pytest's own."""
    with tempfile.TemporaryDirectory(prefix="moorage-tests-") as folder:
        let_enter(Path(folder), everybody=True)
        yield Path(folder)


def let_enter(folder: Path, *, everybody: bool) -> None:
    folder.chmod(0o711 if everybody else 0o700)


def owner(path: Path) -> int:
    return path.stat().st_uid


@pytest.fixture(params=EVERY_MAJOR, ids=lambda major: f"postgresql-{major}")
def programs(request: pytest.FixtureRequest) -> Programs:
    return require_programs(request.param)


@dataclass(frozen=True)
class Running:
    process: asyncio.subprocess.Process
    pid: int
    dsn: str


@asynccontextmanager
async def program(data: Path, account: Account | None = None) -> AsyncIterator[Running]:
    command = [sys.executable, "-c", PROGRAM, str(data)]
    process = await asyncio.create_subprocess_exec(
        *(account.command(command) if account else command), stdout=asyncio.subprocess.PIPE, start_new_session=True
    )
    try:
        yield await ready(process)
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def ready(process: asyncio.subprocess.Process) -> Running:
    assert process.stdout is not None
    async for line in process.stdout:
        if line.startswith(b"READY "):
            return Running(process, **json.loads(line.removeprefix(b"READY ")))
    raise AssertionError("the program ended before its server was ready")


async def add_row(dsn: str) -> None:
    connection = await asyncpg.connect(dsn)
    await connection.execute("CREATE TABLE IF NOT EXISTS boat (id integer)")
    await connection.execute("INSERT INTO boat VALUES (1)")
    await connection.close()


async def count_rows(dsn: str) -> int:
    connection = await asyncpg.connect(dsn)
    try:
        return int(await connection.fetchval("SELECT count(*) FROM boat"))
    finally:
        await connection.close()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.02)


def is_gone(pid: int) -> bool:
    """Also when it has ended and nobody has asked for its status: not every container's first process does."""
    try:
        if Path("/proc/self/cmdline").exists():
            return not Path(f"/proc/{pid}/cmdline").read_bytes()
        os.kill(pid, 0)
    except (ProcessLookupError, FileNotFoundError):
        return True
    return False


async def test_a_restart_keeps_rows_password_and_order(place: Path, programs: Programs) -> None:
    async with await EmbeddedPostgres.open(place / "data", binaries=programs.folder) as server:
        await add_row(server.dsn)
        first, pid = server.dsn, server.pid
    assert is_gone(pid)
    async with await EmbeddedPostgres.open(place / "data", binaries=programs.folder) as server:
        assert server.dsn == first
        assert await count_rows(server.dsn) == 1
    assert not (place / "data" / "socket").exists()


async def test_secrets_are_readable_by_us_alone(place: Path) -> None:
    async with await EmbeddedPostgres.open(place / "data") as server:
        assert server.dsn.startswith("postgresql://moorage:")
        assert (place / "data").stat().st_mode & 0o077 == 0
        assert (place / "data" / "password").stat().st_mode & 0o077 == 0
        assert not (place / "data" / "initial-password").exists()
        with pytest.raises(asyncpg.InvalidPasswordError):
            await add_row(server.dsn.replace("moorage:", "moorage:x", 1))


async def test_nothing_listens_on_a_network(place: Path) -> None:
    async with await EmbeddedPostgres.open(place / "data") as server:
        connection = await asyncpg.connect(server.dsn)
        assert await connection.fetchval("SHOW listen_addresses") == ""
        assert await connection.fetchval("SHOW data_checksums") == "on"
        assert await connection.fetchval("SHOW server_encoding") == "UTF8"
        await connection.close()


async def test_the_watchdog_starts_a_killed_server_again(place: Path, programs: Programs) -> None:
    async with await EmbeddedPostgres.open(place / "data", binaries=programs.folder) as server:
        for killed in range(1, 4):
            await add_row(server.dsn)
            pid = server.pid
            os.kill(pid, signal.SIGKILL)
            await until(partial(is_gone, pid))
            await wait_for_login(server.dsn)
            assert await count_rows(server.dsn) == killed


async def wait_for_login(dsn: str) -> None:
    async with asyncio.timeout(60):
        while True:
            try:
                await count_rows(dsn)
            except (OSError, asyncpg.PostgresError):
                await asyncio.sleep(0.05)
            else:
                return


@pytest.mark.parametrize("way", [signal.SIGTERM, signal.SIGINT])
async def test_a_program_told_to_end_takes_the_server_with_it(place: Path, way: signal.Signals) -> None:
    async with program(place / "data") as running:
        await add_row(running.dsn)
        running.process.send_signal(way)
        assert await running.process.wait() == 0
        assert is_gone(running.pid)
    assert "database system is shut down" in (place / "data" / "server.log").read_text()


async def test_the_terminals_interrupt_does_not_reach_the_server(place: Path) -> None:
    async with program(place / "data") as running:
        assert os.getsid(running.pid) == running.pid != os.getsid(running.process.pid)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a child together with its parent")
async def test_a_killed_program_takes_the_server_with_it(place: Path) -> None:
    async with program(place / "data") as running:
        await add_row(running.dsn)
        running.process.kill()
        await running.process.wait()
        await until(lambda: is_gone(running.pid))
    async with await EmbeddedPostgres.open(place / "data") as server:
        assert await count_rows(server.dsn) == 1


async def test_a_start_right_after_the_kill_succeeds(place: Path) -> None:
    async with program(place / "data") as running:
        await add_row(running.dsn)
        running.process.kill()
        await running.process.wait()
        async with await EmbeddedPostgres.open(place / "data") as server:
            assert await count_rows(server.dsn) == 1


async def test_program_and_server_killed_together(place: Path, programs: Programs) -> None:
    async with program(place / "data") as running:
        await add_row(running.dsn)
        os.kill(running.pid, signal.SIGSTOP)
        running.process.kill()
        os.kill(running.pid, signal.SIGKILL)
        await running.process.wait()
    async with await EmbeddedPostgres.open(place / "data") as server:
        assert await count_rows(server.dsn) == 1


async def test_a_server_left_behind_is_stopped_and_replaced(place: Path, programs: Programs) -> None:
    async with await EmbeddedPostgres.open(place / "data", binaries=programs.folder) as server:
        await add_row(server.dsn)
    folder = DataFolder((place / "data").resolve())
    account = choose_account(programs.folder, folder.root, folder.cluster)
    orphan = spawn(programs, folder, account, folder.open_socket_folder(account), {}, tied=False)
    # Not asked of `left_behind` yet: an empty file is taken for one of a full disk, and this one is just being written.
    await until(lambda: folder.pid_file.exists() and folder.pid_file.read_text().startswith(f"{orphan.pid}\n"))
    assert left_behind(folder) == orphan.pid
    async with await EmbeddedPostgres.open(place / "data", binaries=programs.folder) as server:
        assert orphan.wait() == 0
        assert server.pid != orphan.pid
        assert await count_rows(server.dsn) == 1


async def test_a_stale_pid_file_that_names_a_stranger_harms_nobody(place: Path) -> None:
    async with await EmbeddedPostgres.open(place / "data"):
        pass
    stranger = await asyncio.create_subprocess_exec("sleep", "60")
    try:
        for content in (f"{stranger.pid}\n{place}/data/cluster\n", ""):
            (place / "data" / "cluster" / "postmaster.pid").write_text(content)
            async with await EmbeddedPostgres.open(place / "data"):
                assert stranger.returncode is None
    finally:
        stranger.kill()
        await stranger.wait()


async def test_a_second_supervisor_is_refused(place: Path) -> None:
    async with await EmbeddedPostgres.open(place / "data") as server:
        with pytest.raises(DataFolderInUse):
            await EmbeddedPostgres.open(place / "data")
        await add_row(server.dsn)


async def test_a_path_too_long_for_a_socket(place: Path) -> None:
    data = place / ("long" * 20) / ("longer" * 10) / "data"
    async with await EmbeddedPostgres.open(data) as server:
        await add_row(server.dsn)
        short = (data / "socket").readlink()
        assert short.stat().st_mode & 0o077 == 0
    assert not short.exists()


async def test_a_path_with_spaces_and_letters(place: Path) -> None:
    async with await EmbeddedPostgres.open(place / "häfen & mehr?") as server:
        await add_row(server.dsn)


async def test_a_data_folder_of_another_major_version_is_refused(place: Path) -> None:
    newest, oldest = (require_programs(major) for major in EVERY_MAJOR)
    async with await EmbeddedPostgres.open(place / "data", binaries=oldest.folder):
        pass
    with pytest.raises(DataFolderOfAnotherVersion, match=r"PostgreSQL 15 .* PostgreSQL 18"):
        await EmbeddedPostgres.open(place / "data", binaries=newest.folder)
    async with await EmbeddedPostgres.open(place / "data", binaries=oldest.folder):
        pass


async def test_an_interrupted_initialisation_is_made_anew(place: Path) -> None:
    opening = asyncio.create_task(EmbeddedPostgres.open(place / "data"))
    await until((place / "data" / "cluster.unfinished" / "PG_VERSION").exists)
    opening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await opening
    assert not (place / "data" / "cluster").exists()
    async with await EmbeddedPostgres.open(place / "data") as server:
        await add_row(server.dsn)


async def test_a_setting_the_server_refuses_is_told_with_its_log(place: Path) -> None:
    with pytest.raises(ServerDidNotStart, match="no_such_setting"):
        await EmbeddedPostgres.open(place / "data", settings={"no_such_setting": "1"})
    async with await EmbeddedPostgres.open(place / "data", settings={"work_mem": "5MB"}) as server:
        connection = await asyncpg.connect(server.dsn)
        assert await connection.fetchval("SHOW work_mem") == "5MB"
        await connection.close()


async def test_a_lost_password_is_told(place: Path) -> None:
    async with await EmbeddedPostgres.open(place / "data"):
        pass
    (place / "data" / "password").unlink()
    with pytest.raises(PasswordMissing):
        await EmbeddedPostgres.open(place / "data")


@pytest.mark.parametrize(
    ("version", "expected"),
    [("postgres (PostgreSQL) 14.3", UnsupportedPrograms), ("postgres (PostgreSQL) 18.6", InitializationFailed)],
)
async def test_foreign_programs(place: Path, version: str, expected: type[Exception]) -> None:
    for name in ("postgres", "initdb"):
        (place / name).write_text(f"#!/bin/sh\necho '{version}'\nexit $(($# > 1))\n")
        (place / name).chmod(0o755)
    with pytest.raises(expected):
        await EmbeddedPostgres.open(place / "data", binaries=place)


async def test_no_programs_in_the_setting(place: Path) -> None:
    with pytest.raises(ProgramsMissing):
        await EmbeddedPostgres.open(place / "data", binaries=place)


as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can change the user")


@as_root
async def test_root_drops_its_rights_where_nobody_can_enter(place: Path) -> None:
    async with await EmbeddedPostgres.open(place / "data", binaries=require_programs(15).folder) as server:
        assert owner(Path(f"/proc/{server.pid}")) == pwd.getpwnam("nobody").pw_uid
    assert owner(place) == 0


@as_root
async def test_root_keeps_its_files_in_a_namespace_elsewhere(place: Path) -> None:
    let_enter(place, everybody=False)
    async with await EmbeddedPostgres.open(place / "data") as server:
        await add_row(server.dsn)
        assert owner(place / "data" / "cluster" / "PG_VERSION") == 0
    # The way follows the cluster, not the folder: opening the parent later changes nothing.
    let_enter(place, everybody=True)
    async with await EmbeddedPostgres.open(place / "data") as server:
        assert await count_rows(server.dsn) == 1


@as_root
async def test_an_ordinary_user_and_root_after_it(place: Path) -> None:
    account = ordinary_user()
    (place / "home").mkdir(mode=0o700)
    account.give(place / "home")
    async with program(place / "home" / "data", account) as running:
        await add_row(running.dsn)
        running.process.terminate()
        assert await running.process.wait() == 0
    async with await EmbeddedPostgres.open(place / "home" / "data") as server:
        assert await count_rows(server.dsn) == 1


def ordinary_user() -> Account:
    """`nobody`, or root under nobody's number where nobody cannot run this Python (which lies in root's home)."""
    nobody = pwd.getpwnam("nobody")
    dropped = Account("drop", nobody.pw_uid, nobody.pw_gid)
    runs = subprocess.run(dropped.command([sys.executable, "-c", ""]), check=False, capture_output=True)
    return dropped if runs.returncode == 0 else Account("namespace", nobody.pw_uid, nobody.pw_gid)
