"""Verified files go from the kernel into the socket; what is not verified any more never does (R92, R140)."""

import asyncio
import os
import random
from pathlib import Path

import pytest

from distribution.large_bodies import FOR_BOTH_LOOPS, NAME, NewLoop, Place, answer, head, place, run
from faults.waiting import until_true
from moorage.oci.digest import Digest

DATA = random.Random(8).randbytes(9_000_001)


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """How often the process asked the kernel to send from a file, and to read from one."""
    counted = {"sendfile": 0, "pread": 0}
    send, read = os.sendfile, os.pread

    def sendfile(out: int, source: int, offset: int, count: int) -> int:
        counted["sendfile"] += 1
        return send(out, source, offset, count)

    def pread(source: int, count: int, offset: int) -> bytes:
        counted["pread"] += 1
        return read(source, count, offset)

    monkeypatch.setattr(os, "sendfile", sendfile)
    monkeypatch.setattr(os, "pread", pread)
    return counted


def descriptors() -> int:
    """How many files and sockets this process has open."""
    return len(list(Path("/proc/self/fd").iterdir()))


async def pulled(there: Place, digest: Digest, *fields: str) -> tuple[int, bytes]:
    """A GET of a blob on a connection of its own, which serves another request afterwards."""
    reader, writer = await there.connect()
    try:
        writer.write(head("GET", f"/v2/{NAME}/blobs/{digest}", *fields) + head("GET", "/v2/"))
        status, _, body = await answer(reader)
        assert (await answer(reader))[0] == 200
        return status, body
    finally:
        writer.close()


@FOR_BOTH_LOOPS
def test_a_blob_is_read_once_and_then_sent_as_a_file(new_loop: NewLoop, tmp_path: Path, calls: dict[str, int]) -> None:
    """The first whole read verifies it; afterwards not a byte of it comes into this process, ranges neither."""

    async def work() -> None:
        async with place(tmp_path) as there:
            digest = await there.push(DATA)
            assert await pulled(there, digest) == (200, DATA)
            assert calls["sendfile"] == 0
            reads = calls["pread"]
            assert await pulled(there, digest) == (200, DATA)
            assert await pulled(there, digest, "Range: bytes=1000-8000000") == (206, DATA[1000:8_000_001])
            assert calls["pread"] == reads
            assert calls["sendfile"] > 0

    run(new_loop, work)


@FOR_BOTH_LOOPS
def test_a_file_that_was_written_to_is_not_sent(new_loop: NewLoop, tmp_path: Path, calls: dict[str, int]) -> None:
    """Not even with its size and its time put back: it is read, found damaged and cut (R92)."""

    async def work() -> None:
        async with place(tmp_path) as there:
            digest = await there.push(DATA)
            await pulled(there, digest)
            before = there.object.stat()
            with there.object.open("r+b") as file:
                file.seek(4_000_000)
                file.write(bytes([DATA[4_000_000] ^ 1]))
            os.utime(there.object, ns=(before.st_atime_ns, before.st_mtime_ns))
            with pytest.raises(asyncio.IncompleteReadError):
                await pulled(there, digest)
            assert calls["sendfile"] == 0

    run(new_loop, work)


@FOR_BOTH_LOOPS
@pytest.mark.parametrize("meddle", ["write", "truncate"])
def test_a_file_that_changes_while_it_is_sent_is_cut(new_loop: NewLoop, tmp_path: Path, meddle: str) -> None:
    """The last bytes go out only if it is still what it was."""

    async def work() -> None:
        async with place(tmp_path) as there:
            digest = await there.push(DATA)
            await pulled(there, digest)
            reader, writer = await there.connect(receives=4096)
            writer.write(head("GET", f"/v2/{NAME}/blobs/{digest}"))
            await reader.readuntil(b"\r\n\r\n")
            if meddle == "truncate":
                os.truncate(there.object, 8_900_000)
            else:
                with there.object.open("r+b") as file:
                    file.write(bytes([DATA[0] ^ 1]))
            got = bytearray()
            try:
                while part := await reader.read(2**16):
                    got += part
            except ConnectionResetError:
                pass
            assert len(got) < len(DATA)
            writer.close()

    run(new_loop, work)


@FOR_BOTH_LOOPS
def test_a_client_that_leaves_leaves_nothing_open(new_loop: NewLoop, tmp_path: Path) -> None:
    """Neither the file nor the copy of the socket; who reads it meanwhile outlives its deletion."""

    async def work() -> None:
        async with place(tmp_path) as there:
            digest = await there.push(DATA)
            await pulled(there, digest)
            before = descriptors()
            leaving, stays = await there.connect(receives=4096), await there.connect(receives=4096)
            for reader, writer in (leaving, stays):
                writer.write(head("GET", f"/v2/{NAME}/blobs/{digest}"))
                await reader.readuntil(b"\r\n\r\n")
            there.object.unlink()
            leaving[1].transport.abort()
            assert await stays[0].readexactly(len(DATA)) == DATA
            stays[1].close()
            await until_true(lambda: descriptors() <= before)

    run(new_loop, work)
