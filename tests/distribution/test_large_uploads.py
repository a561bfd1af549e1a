"""Large bodies go past the parser, and nobody can tell by what is stored or answered (R88, R89, R134, R135, R140)."""

import asyncio
import random
import tracemalloc
from pathlib import Path
from uuid import UUID

import pytest

from distribution.large_bodies import FOR_BOTH_LOOPS, NAME, NewLoop, Place, answer, head, place, run
from faults.waiting import until, until_true
from moorage.distribution.server.limits import Limits
from moorage.oci.digest import Digest
from moorage.runtime.diversion import BUFFER_BYTES, BUFFERS, Diversion

DATA = random.Random(7).randbytes(5_000_001)
UPLOADS = f"/v2/{NAME}/blobs/uploads/"
FRAMINGS = pytest.mark.parametrize("framing", ["length", "chunked"])


def framed(framing: str, data: bytes, length: int | None = None) -> tuple[str, bytes]:
    """The field that tells the framing, and the body in it; `length`: more is announced than is sent."""
    if framing == "length":
        return f"Content-Length: {length or len(data)}", data
    chunks = [data[at : at + 33_000] for at in range(0, len(data), 33_000)]
    return "Transfer-Encoding: chunked", b"".join(b"%x\r\n%s\r\n" % (len(each), each) for each in chunks)


def end_of(framing: str) -> bytes:
    """What ends a body."""
    return b"0\r\n\r\n" if framing == "chunked" else b""


async def started(there: Place) -> str:
    """The target of a new upload."""
    reader, writer = await there.connect()
    writer.write(head("POST", UPLOADS, "Content-Length: 0"))
    _, fields, _ = await answer(reader)
    writer.close()
    return fields["Location"]


async def offset(there: Place, target: str) -> int:
    """How many bytes an upload has."""
    reader, writer = await there.connect()
    writer.write(head("GET", target))
    status, fields, _ = await answer(reader)
    writer.close()
    assert status == 204
    return int(fields["Range"].removeprefix("0-")) + 1


@pytest.fixture
def diversions(monkeypatch: pytest.MonkeyPatch) -> list[Diversion]:
    """All that were made."""
    made: list[Diversion] = []
    make = Diversion.__init__

    def noted(self: Diversion, *args: object) -> None:
        made.append(self)
        make(self, *args)  # type: ignore[arg-type]  # passed on as they come

    monkeypatch.setattr(Diversion, "__init__", noted)
    return made


@FOR_BOTH_LOOPS
@FRAMINGS
def test_a_large_body_is_stored_and_the_connection_goes_on(
    new_loop: NewLoop, framing: str, tmp_path: Path, diversions: list[Diversion]
) -> None:
    """Also with the next request right behind it in one write, and the same again on the same connection."""

    async def work() -> None:
        async with place(tmp_path) as there:
            reader, writer = await there.connect()
            for data in (DATA, DATA[1:]):
                field, body = framed(framing, data)
                writer.write(head("PATCH", target := await started(there), field) + body + end_of(framing))
                writer.write(head("GET", f"/v2/{NAME}/tags/list"))
                assert (await answer(reader))[0] == 202
                assert (await answer(reader))[0] == 200
                writer.write(head("PUT", f"{target}?digest={Digest.of(data)}", "Content-Length: 0"))
                assert (await answer(reader))[0] == 201
                writer.write(head("GET", f"/v2/{NAME}/blobs/{Digest.of(data)}"))
                assert (await answer(reader))[2] == data
            writer.close()

    run(new_loop, work)
    assert len(diversions) == 2


@FOR_BOTH_LOOPS
@FRAMINGS
def test_a_body_that_is_awaited_goes_past_the_parser(
    new_loop: NewLoop, framing: str, tmp_path: Path, diversions: list[Diversion]
) -> None:
    """`Expect: 100-continue`, then the body, as containerd sends it."""

    async def work() -> None:
        async with place(tmp_path) as there:
            reader, writer = await there.connect()
            field, body = framed(framing, DATA)
            target = f"{await started(there)}?digest={Digest.of(DATA)}"
            writer.write(head("PUT", target, field, "Expect: 100-continue"))
            assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
            writer.write(body + end_of(framing))
            assert (await answer(reader))[0] == 201
            writer.close()

    run(new_loop, work)
    assert len(diversions) == 1


@FOR_BOTH_LOOPS
@FRAMINGS
def test_what_arrived_of_a_body_that_broke_off_is_kept(new_loop: NewLoop, framing: str, tmp_path: Path) -> None:
    """And counted truthfully (R89)."""

    async def work() -> None:
        async with place(tmp_path) as there:
            target = await started(there)
            _, writer = await there.connect()
            field, body = framed(framing, DATA, length=9_000_000)
            writer.write(head("PATCH", target, field) + body)
            await writer.drain()
            writer.close()
            await writer.wait_closed()

            async def all_is_kept() -> bool:
                return await offset(there, target) == len(DATA)

            await until(all_is_kept)

    run(new_loop, work)


@FOR_BOTH_LOOPS
@FRAMINGS
def test_a_large_body_that_stalls_is_408(new_loop: NewLoop, framing: str, tmp_path: Path) -> None:
    """And what arrived is kept (R135)."""

    async def work() -> None:
        async with place(tmp_path, Limits(idle_body_seconds=0.5)) as there:
            target = await started(there)
            reader, writer = await there.connect()
            field, body = framed(framing, DATA, length=9_000_000)
            writer.write(head("PATCH", target, field) + body)
            assert (await answer(reader))[0] == 408
            assert await offset(there, target) == len(DATA)
            writer.close()

    run(new_loop, work)


@FOR_BOTH_LOOPS
def test_broken_chunks_deep_in_a_body_end_the_connection(
    new_loop: NewLoop, tmp_path: Path, diversions: list[Diversion]
) -> None:
    """400, and what follows is never taken for a request (R134)."""

    async def work() -> None:
        async with place(tmp_path) as there:
            reader, writer = await there.connect()
            field, body = framed("chunked", DATA)
            writer.write(head("PATCH", await started(there), field) + body)
            await writer.drain()
            writer.write(b"zz\r\n" + head("GET", "/v2/"))
            assert (await answer(reader))[0] == 400
            assert await reader.read() == b""
            writer.close()

    run(new_loop, work)
    assert len(diversions) == 1


@FOR_BOTH_LOOPS
@FRAMINGS
def test_the_rest_of_a_body_that_nobody_wants_flows_by(new_loop: NewLoop, framing: str, tmp_path: Path) -> None:
    """A refusal in the middle of a body is an answer, and the connection serves the next request."""

    async def work() -> None:
        async with place(tmp_path) as there:
            target = await started(there)
            reader, writer = await there.connect()
            field, body = framed(framing, DATA)
            writer.write(head("PATCH", target, field, "Content-Range: 0-9") + body + end_of(framing))
            assert (await answer(reader))[0] == 400
            writer.write(head("GET", target))
            assert (await answer(reader))[0] == 204
            writer.close()

    run(new_loop, work)


@FOR_BOTH_LOOPS
@FRAMINGS
def test_a_slow_sender_is_heard_before_a_buffer_is_full(new_loop: NewLoop, framing: str, tmp_path: Path) -> None:
    """Whoever waits for the bytes behind us would take the silence for the client's."""

    async def work() -> None:
        async with place(tmp_path) as there:
            target = await started(there)
            reader, writer = await there.connect()
            field, body = framed(framing, DATA)
            stored = tmp_path / "uploads" / UUID(target.rpartition("/")[2]).hex
            writer.write(head("PATCH", target, field) + body[: len(body) // 2])
            await until_true(lambda: stored.exists() and stored.stat().st_size >= len(body) // 2 - 1000)
            writer.write(body[len(body) // 2 :] + end_of(framing))
            assert (await answer(reader))[0] == 202
            writer.close()

    run(new_loop, work)


@FRAMINGS
def test_a_large_body_takes_a_few_buffers(framing: str, tmp_path: Path, diversions: list[Diversion]) -> None:
    """However long it is: what is allocated at a time does not grow with it (R140)."""
    body = framed(framing, DATA * 12)[1] + end_of(framing)
    field, digest = framed(framing, DATA * 12)[0], Digest.of(DATA * 12)

    async def work() -> None:
        async with place(tmp_path) as there:
            target = await started(there)
            reader, writer = await there.connect()
            tracemalloc.start()
            writer.write(head("PUT", f"{target}?digest={digest}", field))
            for at in range(0, len(body), 100_000):
                writer.write(body[at : at + 100_000])
                await writer.drain()
            assert (await answer(reader))[0] == 201
            _, peak = tracemalloc.get_traced_memory()
            tracemalloc.stop()
            assert peak < (BUFFERS + 4) * BUFFER_BYTES
            writer.close()

    run(asyncio.new_event_loop, work)
    assert len(diversions) == 1
