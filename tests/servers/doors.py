"""Ways into one registry that has several processes: connections of which it is known who answers them."""

import asyncio
import itertools
import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import aiohttp

_REQUEST_ID: Final = "X-Request-Id"
_COVERED_SECONDS: Final = 90.0
_LOGGED_SECONDS: Final = 10.0
_ids = itertools.count()


@dataclass(frozen=True, slots=True)
class Reply:
    """Status, headers and body of an answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body as a document."""
        return json.loads(self.body)


class Door:
    """One kept connection: whoever accepted it answers everything that is asked through it."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._connections = 0
        trace = aiohttp.TraceConfig()
        trace.on_connection_create_end.append(self._connected)
        connector = aiohttp.TCPConnector(limit=1, keepalive_timeout=600)
        self._session = aiohttp.ClientSession(connector=connector, trace_configs=[trace], auto_decompress=False)

    async def _connected(self, *_: object) -> None:
        self._connections += 1

    @property
    def kept(self) -> bool:
        """Whether it is still the first connection."""
        return self._connections <= 1

    async def ask(self, method: str, path: str, auth: str | None = None, **options: Any) -> Reply:
        """An answer; `auth` is the Authorization header."""
        headers = dict(options.pop("headers", {})) | ({"Authorization": auth} if auth else {})
        async with self._session.request(method, self._url + path, headers=headers, **options) as response:
            return Reply(response.status, dict(response.headers), await response.read())

    async def close(self) -> None:
        """No more of it."""
        await self._session.close()


class WorkerLog:
    """What `moorage serve --workers N --log-level info` has written: who was started, and who answered what."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self._read = 0
        self._pids: dict[int, int] = {}
        self._answered: dict[str, int] = {}

    @property
    def pids(self) -> Mapping[int, int]:
        """The process of each worker, as it was started last."""
        self._look()
        return self._pids

    async def who_answered(self, request_id: str) -> int:
        """The worker's number. Raises TimeoutError."""
        async with asyncio.timeout(_LOGGED_SECONDS):
            while request_id not in self._answered:
                await asyncio.sleep(0.005)  # a file of another process tells nobody that it has grown
                self._look()
        return self._answered[request_id]

    def _look(self) -> None:
        for line in self._lines():
            service = str(line.get("service", ""))
            if line.get("event") == "A worker was started":
                self._pids[line["worker"]] = line["pid"]
            elif line.get("event") == "Answered a request" and service.startswith("standalone worker "):
                self._answered[line["request_id"]] = int(service.rpartition(" ")[2])

    def _lines(self) -> Iterator[dict[str, Any]]:
        with self._log.open("rb") as file:
            file.seek(self._read)
            for line in file:
                if line.endswith(b"\n"):
                    self._read += len(line)
                    if line.startswith(b"{"):
                        yield json.loads(line)


class WorkerDoors:
    """A door to each worker, made as they are found: connections go to whoever takes them."""

    def __init__(self, url: str, log: WorkerLog, count: int) -> None:
        self._url = url
        self._log = log
        self._count = count
        self.open: dict[int, Door] = {}

    async def look(self) -> None:
        """One more connection, if a worker has no door: it may be the one that takes it."""
        for number, door in list(self.open.items()):
            if not door.kept:
                await self.forget(number)
        if len(self.open) < self._count:
            door = Door(self._url)
            request_id = f"door-{next(_ids)}"
            await door.ask("GET", "/v2/", headers={_REQUEST_ID: request_id})
            number = await self._log.who_answered(request_id)
            if number in self.open:
                await door.close()
            else:
                self.open[number] = door

    async def cover(self) -> None:
        """Returns when there is a door to every worker. Raises TimeoutError."""
        deadline = time.monotonic() + _COVERED_SECONDS
        while len(self.open) < self._count:
            await self.look()
            if time.monotonic() > deadline:
                raise TimeoutError(f"only the workers {sorted(self.open)} answer")

    async def forget(self, number: int) -> None:
        """The worker is no more."""
        await self.open.pop(number).close()

    async def close(self) -> None:
        """All of them."""
        for number in list(self.open):
            await self.forget(number)
