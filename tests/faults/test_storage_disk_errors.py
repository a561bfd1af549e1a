"""The disk is full, broken, read-only, or there are no descriptors: clean errors, and all is well afterwards (R86)."""

import asyncio
import os
import random
import resource
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import pytest

from contracts.storage_faults import files_below
from contracts.wire_client import Answer, WireRegistry
from faults.storage_process import StorageProcess
from faults.strace import failing, traced
from moorage.oci.digest import Digest
from servers.availability import missing, require
from servers.postgres import PostgresForTests, run

pytestmark = pytest.mark.timeout(300)

MIB = 2**20
SIZE = 900_000
HALF = SIZE // 2


@pytest.fixture
def data(request: pytest.FixtureRequest) -> bytes:
    """Bytes that no other test pushes."""
    return random.Random(request.node.name).randbytes(SIZE)


@pytest.fixture(scope="module")
def process(postgres: PostgresForTests, tmp_path_factory: pytest.TempPathFactory) -> Iterator[StorageProcess]:
    """One storage service for all tests of this module: each leaves it well."""
    dsn = run(postgres.fresh_database())
    process = StorageProcess(tmp_path_factory.mktemp("storage"), dsn)
    asyncio.run(process.start())
    yield process
    asyncio.run(process.kill())
    run(postgres.drop(dsn))


@pytest.fixture
async def registry(process: StorageProcess) -> AsyncIterator[WireRegistry]:
    """It, as gateways see it."""
    async with process.gateway() as registry:
        yield registry


@dataclass(frozen=True)
class Upload:
    """An upload that has half of its bytes."""

    location: str
    data: bytes

    @property
    def key(self) -> UUID:
        """Of its bytes, in the data folder."""
        return UUID(self.location.rpartition("/")[2])

    @property
    def digest(self) -> Digest:
        """Of all bytes."""
        return Digest.of(self.data)


async def begun(registry: WireRegistry, data: bytes) -> Upload:
    """A new one."""
    location = await registry.start()
    answer = await registry.ask("PATCH", location, data=data[: len(data) // 2])
    assert answer.status == 202, answer.body
    return Upload(location, data)


def is_clean(answer: Answer, status: int, code: str = "UNAVAILABLE") -> None:
    """An error in the form of the specification, that says when to come again."""
    assert (answer.status, answer.code) == (status, code), answer.body
    assert int(answer.headers["Retry-After"]) > 0


def no_bug_is_told(process: StorageProcess) -> None:
    """Nothing in the log that nobody foresaw."""
    assert "Traceback" not in process.log
    assert "nobody foresaw" not in process.log


async def pushes(registry: WireRegistry, data: bytes) -> None:
    """A push from its start to its end works, and the bytes come back."""
    digest = await registry.push_blob(data)
    assert (await registry.ask("GET", registry.at(f"blobs/{digest}"))).body == data


@pytest.mark.parametrize(("error", "status"), [("EIO", 503), ("ENOSPC", 507), ("EDQUOT", 507)])
async def test_a_chunk_that_can_not_be_written_is_given_back(
    process: StorageProcess, registry: WireRegistry, tmp_path: Path, data: bytes, error: str, status: int
) -> None:
    """The offset is what it was, other images are served, and the upload goes on."""
    other = await registry.push_blob(b"other", name=registry.other)
    upload = await begun(registry, data)
    writing = ("pwritev", "pwritev2")
    async with traced(process.pid, tmp_path / "trace", writing, *failing(",".join(writing), error)) as trace:
        is_clean(await registry.ask("PATCH", upload.location, data=data[HALF:]), status)
        is_clean(await registry.ask("PUT", f"{upload.location}?digest={upload.digest}", data=data[HALF:]), status)
        assert (await registry.ask("GET", registry.at(f"blobs/{other}", registry.other))).body == b"other"
    assert trace.injected >= 2
    assert (await registry.ask("GET", upload.location)).headers["Range"] == f"0-{HALF - 1}"
    closed = await registry.ask("PUT", f"{upload.location}?digest={upload.digest}", data=data[HALF:])
    assert closed.status == 201, closed.body
    assert (await registry.ask("GET", registry.at(f"blobs/{upload.digest}"))).body == data
    no_bug_is_told(process)


FAILED_COMMITS = [("fsync", "EIO", "1", 503), ("fsync", "EIO", "2", 503), ("fsync", "ENOSPC", "1", 507)]
FAILED_COMMITS += [("rename", "EIO", "1", 503), ("rename", "ENOSPC", "1", 507), ("rename", "EROFS", "1", 503)]


@pytest.mark.parametrize(("call", "error", "when", "status"), FAILED_COMMITS)
async def test_bytes_that_were_not_made_durable_are_given_up(
    process: StorageProcess,
    registry: WireRegistry,
    tmp_path: Path,
    data: bytes,
    call: str,
    error: str,
    when: str,
    status: int,
) -> None:
    """A second fsync may claim success for what the first one lost: the upload is over, and its space is returned."""
    before = files_below(process.data)
    upload = await begun(registry, data)
    close = f"{upload.location}?digest={upload.digest}"
    async with traced(process.pid, tmp_path / "trace", [call], *failing(call, error, when)) as trace:
        is_clean(await registry.ask("PUT", close, data=data[HALF:]), status)
        assert trace.injected == 1
        assert (await registry.ask("HEAD", registry.at(f"blobs/{upload.digest}"))).status == 404
        again = await registry.ask("PUT", close)
        assert (again.status, again.code) == (404, "BLOB_UPLOAD_UNKNOWN")
        assert files_below(process.data) == before
        await pushes(registry, data)
    no_bug_is_told(process)


@pytest.mark.parametrize("call", ["pread64", "openat"])
async def test_bytes_that_can_not_be_read_are_no_answer(
    process: StorageProcess, registry: WireRegistry, tmp_path: Path, data: bytes, call: str
) -> None:
    """Never less than all, and never "not there"; other blobs are served meanwhile, and this one afterwards."""
    large, other = data * 3, await registry.push_blob(b"other")
    before = set(files_below(process.data))
    path = registry.at(f"blobs/{await registry.push_blob(large)}")
    (file,) = set(files_below(process.data)) - before
    async with traced(process.pid, tmp_path / "trace", [call], "-P", str(file), *failing(call, "EIO")) as trace:
        is_clean(await registry.ask("GET", path), 503)
        assert (await registry.ask("HEAD", path)).status == 200
        assert (await registry.ask("GET", registry.at(f"blobs/{other}"))).body == b"other"
    assert trace.injected > 0
    assert (await registry.ask("GET", path)).body == large
    no_bug_is_told(process)


async def test_without_descriptors_requests_are_refused_and_then_served(
    process: StorageProcess, registry: WireRegistry, data: bytes
) -> None:
    """EMFILE at everything that opens a file; what needs none goes on (R86)."""
    digest = await registry.push_blob(data)
    path = registry.at(f"blobs/{digest}")
    soft, hard = resource.prlimit(process.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(process.pid, resource.RLIMIT_NOFILE, (3, hard))
    try:
        is_clean(await registry.ask("POST", registry.at("blobs/uploads/")), 503)
        is_clean(await registry.ask("GET", path), 503)
        assert (await registry.ask("HEAD", path)).status == 200
    finally:
        resource.prlimit(process.pid, resource.RLIMIT_NOFILE, (soft, hard))
    assert (await registry.ask("GET", path)).body == data
    await pushes(registry, b"after")
    no_bug_is_told(process)


@contextmanager
def small_disk(folder: Path, size: int) -> Iterator[Path]:
    """A file system of that many bytes."""
    if os.geteuid() != 0:
        missing("the right to mount a tmpfs", "run this test as root")
    folder.mkdir(parents=True)
    subprocess.run([require("mount"), "-t", "tmpfs", "-o", f"size={size}", "none", folder], check=True)
    try:
        yield folder
    finally:
        subprocess.run([require("umount"), "--lazy", folder], check=True)


@pytest.fixture(scope="module")
def on_small_disk(postgres: PostgresForTests, tmp_path_factory: pytest.TempPathFactory) -> Iterator[StorageProcess]:
    """A storage service whose blobs lie on a disk of 16 MiB."""
    folder, dsn = tmp_path_factory.mktemp("small"), run(postgres.fresh_database())
    with small_disk(folder / "disk", 16 * MIB) as disk:
        process = StorageProcess(folder / "storage", dsn, disk / "blobs")
        asyncio.run(process.start())
        yield process
        asyncio.run(process.kill())
    run(postgres.drop(dsn))


async def in_pieces(content: bytes) -> AsyncIterator[bytes]:
    """A body whose length is not announced."""
    for start in range(0, len(content), MIB):
        yield content[start : start + MIB]


async def test_a_full_disk_refuses_and_gives_back(on_small_disk: StorageProcess, data: bytes) -> None:
    """507; the offset is truthful, what is stored is served, a cancelled upload makes room, and smaller ones go in."""
    large = random.Random(2).randbytes(20 * MIB)
    small = large[: 4 * MIB]
    async with on_small_disk.gateway() as registry:
        stored = await registry.push_blob(data)
        location = await registry.start()
        for body in (large, in_pieces(large)):
            is_clean(await registry.ask("PATCH", location, data=body), 507)
            assert (await registry.ask("GET", location)).headers["Range"] == "0-0"
            assert sum(file.stat().st_size for file in files_below(on_small_disk.data)) == len(data)
            assert (await registry.ask("GET", registry.at(f"blobs/{stored}"))).body == data
        filling = await registry.start(name=registry.other)
        assert (await registry.ask("PATCH", filling, data=large[: 14 * MIB])).status == 202
        is_clean(await registry.ask("PATCH", location, data=small), 507)
        assert (await registry.ask("DELETE", filling)).status == 204
        closed = await registry.ask("PUT", f"{location}?digest={Digest.of(small)}", data=small)
        assert closed.status == 201, closed.body
    no_bug_is_told(on_small_disk)


async def test_a_disk_that_became_read_only_is_read(on_small_disk: StorageProcess, data: bytes) -> None:
    """Pulls go on, pushes are told to come again, and can when it is writable again."""
    disk = on_small_disk.data.parent
    async with on_small_disk.gateway() as registry:
        stored = await registry.push_blob(data)
        upload = await begun(registry, data[::-1])
        close = f"{upload.location}?digest={upload.digest}"
        _remount(disk, "ro")
        is_clean(await registry.ask("POST", registry.at("blobs/uploads/")), 503)
        is_clean(await registry.ask("PUT", close, data=upload.data[HALF:]), 503)
        assert (await registry.ask("GET", registry.at(f"blobs/{stored}"))).body == data
        assert (await registry.ask("GET", upload.location)).headers["Range"] == f"0-{HALF - 1}"
        _remount(disk, "rw")
        assert (await registry.ask("PUT", close, data=upload.data[HALF:])).status == 201
        await pushes(registry, b"after")
    no_bug_is_told(on_small_disk)


def _remount(disk: Path, mode: str) -> None:
    subprocess.run([require("mount"), "-o", f"remount,{mode}", disk], check=True)
