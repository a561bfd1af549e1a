"""One look at the log serves all readers of a process, and a slow reader costs nobody anything (R82)."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from pathlib import Path

import pytest
from aiohttp.test_utils import TestServer

from moorage.access.consistency import ConsistencyToken
from moorage.access.frames import Beat, Delta, Frame, Reset, RowKind
from moorage.access.problems import PositionGone
from moorage.permissions.adapters.pepper import FilePepper
from moorage.permissions.app import Permissions
from moorage.permissions.feed import Feed
from moorage.permissions.memory.ledger import MemoryLedger
from moorage.permissions.settings import PermissionsSettings
from moorage.runtime.clock import FixedClock, SystemClock

SOON = 10.0
TOKEN = "between services"


async def append(ledger: MemoryLedger, count: int = 1, extra: str = "") -> None:
    """One change of so many rows, each with so much to tell."""
    async with ledger.changing() as change:
        for _ in range(count):
            change.log.append((RowKind.PIN, 1, 0, 0, 0, 0, {"since": extra}))


@asynccontextmanager
async def reading(feed: Feed, after: int) -> AsyncIterator[AsyncIterator[Frame]]:
    """A reader of the stream."""
    frames = feed.changes(ConsistencyToken(1, after))
    try:
        yield frames
    finally:
        await frames.aclose()


async def read_until(frames: AsyncIterator[Frame], seq: int) -> list[int]:
    """The rows' seqs up to one, each once and in order."""
    seen: list[int] = []
    async for frame in frames:
        if isinstance(frame, Delta):
            seen += range(frame.first + 1, frame.last + 1)
            if frame.last >= seq:
                return seen
    raise AssertionError("the stream ended")


async def test_a_hundred_readers_look_once() -> None:
    """What one has found, the others take: looks grow with changes, not with readers."""
    ledger = MemoryLedger()
    feed = Feed(ledger, SystemClock())

    async def read() -> list[int]:
        async with reading(feed, 0) as frames:
            return await read_until(frames, 20)

    tasks = [asyncio.create_task(read()) for _ in range(100)]
    await asyncio.sleep(0)
    for _ in range(20):
        await append(ledger)
        await asyncio.sleep(0.01)
    async with asyncio.timeout(SOON):
        found = await asyncio.gather(*tasks)
    assert found == [list(range(1, 21))] * 100
    # Each reader looks once when it comes; after that they share.
    assert feed.tail.looks < 100 + 3 * 20


async def test_readers_share_also_while_nobody_is_at_the_head() -> None:
    """A storm is looked at once, not by each of them."""
    ledger = MemoryLedger()
    feed = Feed(ledger, SystemClock())

    async def read() -> list[int]:
        async with reading(feed, 0) as frames:
            return await read_until(frames, 20_000)

    tasks = [asyncio.create_task(read()) for _ in range(10)]
    await asyncio.sleep(0.05)
    for _ in range(20):
        await append(ledger, 1000)
    async with asyncio.timeout(SOON):
        assert await asyncio.gather(*tasks) == [list(range(1, 20_001))] * 10
    # Ten when they come, one for a beat or a change, one for each delta.
    assert feed.tail.looks < 10 + 5 + 20 + 5


async def test_a_reader_who_goes_away_hands_the_looking_on() -> None:
    """Whoever was looking for all is cancelled; the others don't miss anything."""
    ledger = MemoryLedger()
    feed = Feed(ledger, SystemClock())

    async def read() -> list[int]:
        async with reading(feed, 0) as frames:
            return await read_until(frames, 1)

    tasks = [asyncio.create_task(read()) for _ in range(5)]
    await asyncio.sleep(0.05)
    for leader in tasks[:4]:
        leader.cancel()
    await append(ledger)
    async with asyncio.timeout(SOON):
        assert await tasks[4] == [1]


@pytest.mark.parametrize("behind", [0, 1, 999, 1000, 1001, 2500])
async def test_who_comes_late_gets_everything_once(behind: int) -> None:
    """From the log as far as it must, then with the others."""
    ledger = MemoryLedger()
    feed = Feed(ledger, SystemClock())
    for _ in range(25):
        await append(ledger, 100)
    async with reading(feed, 2500 - behind) as frames, asyncio.timeout(SOON):
        first = await anext(frames)
        assert isinstance(first, Beat)
        assert first.head == 2500
        await append(ledger, 3)
        assert await read_until(frames, 2503) == list(range(2500 - behind + 1, 2504))


async def test_who_comes_back_amid_the_tail_misses_nothing() -> None:
    """Also where frames of one row follow one another, and inside what one look has gathered."""
    ledger = MemoryLedger()
    feed = Feed(ledger, SystemClock())
    async with reading(feed, 0) as frames, asyncio.timeout(SOON):
        await anext(frames)
        for seq in range(1, 6):
            await append(ledger)
            assert await read_until(frames, seq) == [seq]
        await append(ledger)
        await append(ledger)
        assert await read_until(frames, 7) == [6, 7]
        for after in range(7):
            async with reading(feed, after) as again:
                assert await read_until(again, 7) == list(range(after + 1, 8))


async def test_who_stands_amid_a_delta_shares_the_rest_of_it() -> None:
    """Who has once looked for itself would stand beside what the others share for as long as a storm lasts."""
    ledger = MemoryLedger()
    feed = Feed(ledger, SystemClock())
    async with reading(feed, 0) as frames, asyncio.timeout(SOON):
        await anext(frames)
        await append(ledger)
        await append(ledger)
        assert await read_until(frames, 2) == [1, 2]
        [delta] = feed.tail._frames
        assert (delta.first, delta.last) == (0, 2)
        looks = feed.tail.looks
        async with reading(feed, 1) as again:
            assert await read_until(again, 2) == [2]
        # One when it came, none for what the tail has.
        assert feed.tail.looks == looks + 1


async def test_the_tail_forgets_what_readers_have_left_behind() -> None:
    """Its memory has a bound; who is further behind reads from the log itself."""
    ledger = MemoryLedger()
    feed = Feed(ledger, SystemClock())
    async with reading(feed, 0) as slow, reading(feed, 0) as fast, asyncio.timeout(60):
        await anext(slow)
        await anext(fast)
        for _ in range(70):
            await append(ledger, 1000)
            await read_until(fast, (await ledger.head()).seq)
        assert sum(len(delta.rows) for delta in feed.tail._frames) <= 51_000
        assert await read_until(slow, 70_000) == list(range(1, 70_001))


async def test_a_new_epoch_ends_every_stream_with_a_reset() -> None:
    """And says why."""
    ledger = MemoryLedger()
    feed = Feed(ledger, SystemClock())
    await append(ledger)
    async with reading(feed, 0) as frames, asyncio.timeout(SOON):
        await read_until(frames, 1)
        async with ledger.changing() as change:
            await change.epochs.begin("restored from backup", SystemClock().now())
        async for frame in frames:
            if isinstance(frame, Reset):
                assert (frame.epoch, frame.reason) == (2, "restored from backup")
                break
    with pytest.raises(PositionGone):
        async with reading(feed, 1) as frames:
            await anext(frames)


async def test_beats_say_when_the_epoch_began() -> None:
    """So that older epochs' tokens can be judged; the first epoch has no beginning."""
    clock = FixedClock()
    ledger = MemoryLedger(clock)
    feed = Feed(ledger, clock)
    async with reading(feed, 0) as frames:
        first = await anext(frames)
        assert isinstance(first, Beat)
        assert first.bumped is None
    async with ledger.changing() as change:
        await change.epochs.begin("restored", clock.now())
    frames = feed.changes(ConsistencyToken(2, 0))
    second = await anext(frames)
    await frames.aclose()
    assert isinstance(second, Beat)
    assert second.bumped == int(clock.now().timestamp() * 1000)


async def test_a_position_older_than_the_log_is_gone() -> None:
    """A snapshot tells what the log has forgotten."""
    clock = FixedClock()
    ledger = MemoryLedger(clock)
    feed = Feed(ledger, clock)
    await append(ledger, 5)
    clock.advance(timedelta(days=8))
    await append(ledger, 5)
    await ledger.forget(clock.now() - timedelta(days=7))
    with pytest.raises(PositionGone):
        async with reading(feed, 3) as frames:
            await read_until(frames, 10)
    async with reading(feed, 5) as frames:
        assert await read_until(frames, 10) == [6, 7, 8, 9, 10]


async def test_a_reader_that_stops_reading_is_disconnected_and_costs_nothing(tmp_path: Path) -> None:
    """After a few seconds without progress; the others read on meanwhile, and memory stays flat."""
    ledger = MemoryLedger()
    configured = {"database_url": "postgresql://", "secrets_dir": str(tmp_path), "service_token": TOKEN}
    configured |= {"slow_reader_after": "PT0.5S"}
    settings = PermissionsSettings.model_validate(configured)
    permissions = Permissions(ledger, FilePepper(b"k" * 32), SystemClock(), settings)
    narrow = socket.socket()
    narrow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    async with TestServer(permissions.internal_app()) as server, asyncio.timeout(60):
        narrow.setblocking(False)
        await asyncio.get_running_loop().sock_connect(narrow, (server.host, server.port))
        reader, writer = await asyncio.open_connection(sock=narrow, limit=1024)
        request = f"GET /internal/v1/changes?after=1.0 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\n\r\n"
        writer.write(request.encode())
        assert (await reader.readline()).startswith(b"HTTP/1.1 200")
        tail = permissions.authority._feed.tail
        async with reading(permissions.authority._feed, 0) as healthy:
            for number in range(1, 81):
                await append(ledger, 1000, "x" * 250)
                await read_until(healthy, number * 1000)
                assert sum(len(delta.rows) for delta in tail._frames) <= 51_000
            while permissions.numbers.dropped._value.get() == 0:
                await anext(healthy)
        while permissions.numbers.readers._value.get() > 0:  # noqa: ASYNC110 - told by a gauge only
            await asyncio.sleep(0.05)
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()
