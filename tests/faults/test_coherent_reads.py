"""Three storage processes remember, and clients of any of them see one history: also while some stop and die."""

import asyncio
import itertools
import os
import random
import signal
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from math import inf
from pathlib import Path
from uuid import UUID, uuid4

import aiohttp
import asyncpg
import pytest

from contracts.metadata import record_of
from faults.registers import Operation, first_impossible
from faults.storage_process import PRINCIPAL, StorageProcess
from moorage.distribution import headers
from moorage.oci.digest import Digest

pytestmark = pytest.mark.timeout(900)

SECONDS = float(os.environ.get("MOORAGE_TEST_COHERENCE_SECONDS", "8"))
SEED = int(os.environ.get("MOORAGE_TEST_SEED", "1"))
TAGS = ("one", "two")


class Client:
    """Asks any of the processes, and writes down what it sees of each tag, and of one blob."""

    def __init__(self, session: aiohttp.ClientSession, processes: list[StorageProcess], image: UUID) -> None:
        self._session = session
        self._processes = processes
        self._numbers = itertools.count(1)
        self.image = image
        self.chance = random.Random(SEED)
        self.seen: dict[str, list[Operation]] = {tag: [] for tag in TAGS}

    async def read(self, tag: str, process: StorageProcess | None = None) -> None:
        """By HEAD or GET: which digest the tag names."""
        start, method = time.monotonic(), self.chance.choice(("HEAD", "GET"))
        answer = await self._ask(method, f"manifests/{tag}", process=process)
        if answer is not None and answer.status in (200, 404):
            self._note(tag, start, answer.headers.get(headers.CONTENT_DIGEST), is_write=False)

    async def move(self, tag: str) -> None:
        """To a manifest that is new, or that was there before."""
        record = record_of(f"{next(self._numbers)}")
        digest = str(Digest.of(record.body))
        start = time.monotonic()
        answer = await self._ask("PUT", f"manifests/{tag}", record.body, record.manifest.media_type.value)
        if answer is not None and answer.status == 201:
            self._note(tag, start, digest, is_write=True)
        elif answer is None or answer.status == 503:
            self._note(tag, start, digest, is_write=True, end=inf)

    async def delete(self, tag: str) -> None:
        """The tag; 404 means that there was none."""
        start = time.monotonic()
        answer = await self._ask("DELETE", f"manifests/{tag}")
        if answer is None or answer.status == 503:
            self._note(tag, start, None, is_write=True, end=inf)
        elif answer.status in (202, 404):
            self._note(tag, start, None, is_write=answer.status == 202)

    async def push_blob(self, data: bytes) -> None:
        """Through the first process."""
        process = self._processes[0]
        opened = await self._ask("POST", "blobs/uploads/", process=process)
        assert opened is not None
        place = f"{opened.headers['Location'].partition(f'{self.image}/')[2]}?digest={Digest.of(data)}"
        closed = await self._ask("PUT", place, data, process=process)
        assert closed is not None
        assert closed.status == 201

    async def _ask(
        self,
        method: str,
        place: str,
        data: bytes | None = None,
        media_type: str = "application/octet-stream",
        process: StorageProcess | None = None,
    ) -> aiohttp.ClientResponse | None:
        process = process or self.chance.choice(self._processes)
        known = {"Authorization": f"Bearer {process.token}", headers.PRINCIPAL: PRINCIPAL, headers.LINK_GEN: "1"}
        url = f"{process.url}/v2/{self.image}/{place}"
        try:
            async with self._session.request(
                method, url, data=data, headers={**known, "Content-Type": media_type}
            ) as answer:
                await answer.read()
                return answer
        except aiohttp.ClientError:
            return None

    def _note(self, tag: str, start: float, value: object, *, is_write: bool, end: float | None = None) -> None:
        self.seen[tag].append(Operation(start, end or time.monotonic(), is_write, value))


@asynccontextmanager
async def three_processes(folder: Path, dsn: str) -> AsyncIterator[list[StorageProcess]]:
    """Over one database and one folder."""
    processes = [StorageProcess(folder / name, dsn, folder / "blobs") for name in "abc"]
    try:
        for process in processes:
            await process.start()
        yield processes
    finally:
        for process in processes:
            await process.kill()


async def harm(processes: list[StorageProcess], chance: random.Random, until: float) -> None:
    """Stops one for a while, again and again, and kills one in the middle of it."""
    dies_at = time.monotonic() + SECONDS / 3
    while time.monotonic() < until:
        process = chance.choice(processes)
        if time.monotonic() > dies_at:
            dies_at = inf
            await process.kill()
            await process.start()
            continue
        os.kill(process.pid, signal.SIGSTOP)
        await asyncio.sleep(chance.uniform(0.02, 0.5))  # how long it stands still is the point of the test
        os.kill(process.pid, signal.SIGCONT)
        await asyncio.sleep(chance.uniform(0.02, 0.5))


async def work(client: Client, kind: str, until: float) -> None:
    """One client: reads without a pause, or changes now and then."""
    while time.monotonic() < until:
        tag = client.chance.choice(TAGS)
        if kind == "read":
            await client.read(tag)
            continue
        await (client.move(tag) if client.chance.random() < 0.7 else client.delete(tag))
        await asyncio.sleep(client.chance.uniform(0, 0.4))


def kinds() -> Iterator[str]:
    """So many clients of each kind."""
    yield from ("read",) * 8
    yield from ("change",) * 3


async def told_from_memory(session: aiohttp.ClientSession, process: StorageProcess) -> float:
    """How many reads since it was started."""
    async with session.get(f"{process.url}/metrics") as answer:
        lines = (await answer.text()).splitlines()
    name = 'moorage_storage_reads_total{from="memory"}'
    return sum(float(line.split()[-1]) for line in lines if line.startswith(name))


async def test_three_processes_tell_one_history(fresh_dsn: str, tmp_path: Path) -> None:
    """A 201 is visible to the next request anywhere, a deletion at once, and nobody sees the old after the new.

    MOORAGE_TEST_COHERENCE_SECONDS and MOORAGE_TEST_SEED say how long, and with what chance.
    """
    timeout = aiohttp.ClientTimeout(total=120)
    async with three_processes(tmp_path, fresh_dsn) as processes, aiohttp.ClientSession(timeout=timeout) as session:
        client = Client(session, processes, uuid4())
        await client.push_blob(b"{}")
        until = time.monotonic() + SECONDS
        async with asyncio.TaskGroup() as group:
            group.create_task(harm(processes, random.Random(SEED), until))
            for kind in kinds():
                group.create_task(work(client, kind, until))
        hits = [await told_from_memory(session, process) for process in processes]
        assert all("Traceback" not in process.log for process in processes)
    count = {tag: len(seen) for tag, seen in client.seen.items()}
    sys.stdout.write(f"{count} operations, told from memory: {hits}\n")
    assert {tag: first_impossible(seen) for tag, seen in client.seen.items()} == dict.fromkeys(TAGS)
    assert min(count.values()) > 20
    assert sum(hits) > 0


async def test_without_holds_it_would_be_seen(fresh_dsn: str, tmp_path: Path) -> None:
    """A test of the test above: where the schema lets changes pass without a hold, what is remembered is told on."""
    timeout = aiohttp.ClientTimeout(total=120)
    async with three_processes(tmp_path, fresh_dsn) as processes, aiohttp.ClientSession(timeout=timeout) as session:
        client, reader = Client(session, processes, uuid4()), processes[0]
        await client.push_blob(b"{}")
        await client.move("one")
        while not await told_from_memory(session, reader):
            await client.read("one", reader)
        database = await asyncpg.connect(fresh_dsn)
        await database.execute("ALTER TABLE storage.tag DISABLE TRIGGER moved_tag_needs_hold")
        await database.close()
        await client.move("one")
        await client.read("one", reader)
    assert first_impossible(client.seen["one"]) == client.seen["one"][-1]
