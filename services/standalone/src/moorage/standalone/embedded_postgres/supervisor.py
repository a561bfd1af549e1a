"""Keeps one PostgreSQL server running on one data folder."""

import asyncio
import os
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Final, Self
from urllib.parse import quote

import structlog

from moorage.standalone.embedded_postgres.account import Account, choose_account
from moorage.standalone.embedded_postgres.cluster import USER, initialize
from moorage.standalone.embedded_postgres.errors import EmbeddedPostgresError, ServerDidNotStart
from moorage.standalone.embedded_postgres.folder import PORT, DataFolder
from moorage.standalone.embedded_postgres.login import ensure_database, is_ready
from moorage.standalone.embedded_postgres.process import ended, left_behind, serves, spawn, stop
from moorage.standalone.embedded_postgres.programs import Programs, find_programs

log = structlog.get_logger()

DATABASE: Final = "moorage"
READY_WITHIN: Final = 300.0
READY_POLL: Final = 0.05
# After a kill -9 orphaned backends hold the shared memory for a while, and every start fails until they notice.
RETRY_WITHIN: Final = 15.0
RETRY_PAUSE: Final = 0.3
WATCH_POLL: Final = 0.2
FIRST_PAUSE: Final = 0.1
LONGEST_PAUSE: Final = 30.0
STEADY_AFTER: Final = 60.0


def dsn_of_another(data: Path) -> str:
    """The address of the server that another process of ours runs on the data folder. Raises PasswordMissing."""
    folder = DataFolder(data.resolve())
    return _address(folder.socket.resolve(), folder.password(), DATABASE)


def _address(socket: Path, password: str, database: str) -> str:
    return f"postgresql://{USER}:{password}@/{database}?host={quote(str(socket), safe='')}&port={PORT}"


class EmbeddedPostgres:
    """A running server. `open` starts it; as a context manager it is watched, and stopped at the end."""

    def __init__(
        self, folder: DataFolder, programs: Programs, account: Account, password: str, settings: Mapping[str, str]
    ) -> None:
        self._folder = folder
        self._programs = programs
        self._account = account
        self._password = password
        self._settings = settings
        self._socket = folder.socket
        self._process: subprocess.Popen[bytes] | None = None
        self._watch: asyncio.Task[None] | None = None
        self._lock = -1

    @classmethod
    async def open(cls, data: Path, *, binaries: Path | None = None, settings: Mapping[str, str] | None = None) -> Self:
        """Starts the server of the data folder, which is made when it does not exist, and answers when it is ready.

        `binaries` is the folder of PostgreSQL's programs, `settings` are added to its configuration.
        Raises an EmbeddedPostgresError.
        """
        programs = await asyncio.to_thread(find_programs, binaries)
        folder = DataFolder(await asyncio.to_thread(data.resolve))
        lock = folder.lock()
        try:
            folder.check_version(programs.major)
            account = choose_account(programs.folder, folder.root, folder.cluster)
            server = cls(folder, programs, account, folder.password(), settings or {})
            await server._open()
        except BaseException:
            os.close(lock)
            raise
        server._lock = lock
        return server

    async def _open(self) -> None:
        await self._stop_left_behind()
        if not self._folder.cluster.exists():
            log.info("Making a new PostgreSQL cluster", folder=str(self._folder.root), major=self._programs.major)
            await initialize(self._programs, self._folder, self._account, self._password)
        self._socket = self._folder.open_socket_folder(self._account)
        try:
            await self._start()
            await ensure_database(self._dsn("postgres"))
        except BaseException:
            await self._stop_process()
            self._folder.discard_socket_folder()
            raise

    @property
    def dsn(self) -> str:
        """The address of the database `moorage`, with its password."""
        return self._dsn(DATABASE)

    @property
    def pid(self) -> int:
        """The server's process, which changes when the watchdog had to start another."""
        assert self._process is not None
        return self._process.pid

    async def watch(self) -> None:
        """Starts the server again whenever it ends, until cancelled. Pauses grow to 30 s while it does not stay up."""
        pause = FIRST_PAUSE
        clock = asyncio.get_running_loop().time
        while True:
            began = clock()
            await ended(self._is_running, WATCH_POLL)
            pause = FIRST_PAUSE if clock() - began > STEADY_AFTER else min(pause * 2, LONGEST_PAUSE)
            log.error("The PostgreSQL server has ended by itself; starting it again", pause=pause)
            await asyncio.sleep(pause)
            try:
                await self._start()
            except (EmbeddedPostgresError, OSError) as error:
                log.error("The PostgreSQL server could not be started again", reason=str(error))

    async def stop(self) -> None:
        """Ends the watching and the server in order, and lets go of the data folder."""
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.wait([self._watch])
            if not self._watch.cancelled():
                log.error("The watching of the PostgreSQL server had failed", reason=repr(self._watch.exception()))
            self._watch = None
        await self._stop_process()
        self._folder.discard_socket_folder()
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    async def _start(self) -> None:
        clock = asyncio.get_running_loop().time
        unclean = self._folder.pid_file.exists()
        give_up = clock() + RETRY_WITHIN
        while True:
            self._process = spawn(self._programs, self._folder, self._account, self._socket, self._settings)
            if await self._becomes_ready():
                log.info("The PostgreSQL server is ready", pid=self.pid, folder=str(self._folder.root))
                return
            if not unclean or clock() > give_up:
                raise ServerDidNotStart(f"the PostgreSQL server does not start: {self._folder.log_tail()}")
            await asyncio.sleep(RETRY_PAUSE)

    async def _becomes_ready(self) -> bool:
        with suppress(TimeoutError):
            async with asyncio.timeout(READY_WITHIN):
                while self._is_running():
                    if await is_ready(self._dsn("postgres")):
                        return True
                    await asyncio.sleep(READY_POLL)
        await self._stop_process()
        return False

    async def _stop_left_behind(self) -> None:
        pid = left_behind(self._folder)
        if pid is not None:
            log.warning("Stopping the PostgreSQL server an earlier run has left", pid=pid)
            await stop(pid, lambda: serves(pid, self._folder.cluster))

    async def _stop_process(self) -> None:
        if self._process is not None:
            await stop(self._process.pid, self._is_running)

    def _is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def _dsn(self, database: str) -> str:
        return _address(self._socket, self._password, database)

    async def __aenter__(self) -> Self:
        self._watch = asyncio.create_task(self.watch())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()
