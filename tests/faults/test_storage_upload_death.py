"""A gateway or storage is killed amid a push, or the client hangs up: it goes on at the reported offset (R88, R89)."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from uuid import UUID

import aiohttp
import pytest

from contracts.storage_faults import files_below
from contracts.wire_client import WireRegistry
from faults.fleet import client_of
from faults.gateway_process import GatewayProcess
from faults.permissions_process import PermissionsProcess
from faults.storage_process import StorageProcess
from faults.waiting import until, until_true
from moorage.access import wire
from moorage.oci.digest import Digest
from permissions.sample_facts import small_workspace
from servers.postgres import PostgresForTests, run

pytestmark = pytest.mark.timeout(300)

IMAGE: Final = "acme/hello/api"
PIECE: Final = 100_000


@dataclass
class Site:
    """Two gateways over one permissions and one storage, each a process, and a user who may push."""

    permissions: PermissionsProcess
    storage: StorageProcess
    gateways: list[GatewayProcess]
    auth: str = ""

    @property
    def processes(self) -> list[PermissionsProcess | StorageProcess | GatewayProcess]:
        """In the order in which they are started."""
        return [self.permissions, self.storage, *self.gateways]

    async def start(self) -> None:
        """All that does not run. Returns when all answer."""
        for process in self.processes:
            if not process.running:
                await process.start()

    async def kill(self) -> None:
        """All of them."""
        for process in reversed(self.processes):
            await process.kill()

    @asynccontextmanager
    async def doors(self) -> AsyncIterator[list[WireRegistry]]:
        """The gateways as the user sees them, all of them running."""
        await self.start()
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=60)) as client:
            known = {"Authorization": self.auth}
            yield [WireRegistry(client, gateway.url, IMAGE, IMAGE, known) for gateway in self.gateways]


async def _opened(folder: Path, dsn: str) -> Site:
    permissions, storage = PermissionsProcess(folder / "permissions", dsn), StorageProcess(folder / "storage", dsn)
    storage.environment["MOORAGE_STORAGE_SERVICE_TOKEN"] = permissions.token
    gateways = [GatewayProcess(folder / "gateways", permissions, storage, f"gateway-{n}") for n in range(2)]
    site = Site(permissions, storage, gateways)
    await site.start()
    status, answer = await permissions.post("facts", b"\n".join(small_workspace()), permissions.operator)
    assert status == 200, answer
    site.auth = await _bearer(permissions, gateways[0].url)
    return site


@pytest.fixture(scope="module")
def site(postgres: PostgresForTests, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """One for all tests of this module: who kills something need not start it again."""
    dsn = run(postgres.fresh_database())
    site = asyncio.run(_opened(tmp_path_factory.mktemp("site"), dsn))
    yield site
    asyncio.run(site.kill())
    run(postgres.drop(dsn))


@pytest.fixture
async def doors(site: Site) -> AsyncIterator[list[WireRegistry]]:
    """The two gateways."""
    async with site.doors() as doors:
        yield doors


@pytest.fixture
def data(request: pytest.FixtureRequest) -> bytes:
    """Bytes that no other test pushes."""
    return random.Random(request.node.name).randbytes(40 * PIECE)


async def _bearer(permissions: PermissionsProcess, url: str) -> str:
    query = {"service": "moorage", "scope": f"repository:{IMAGE}:pull,push"}
    async with client_of(permissions) as authority, aiohttp.ClientSession() as client:
        operator = await authority.authenticate(wire.AuthenticateRequest(secret=permissions.operator))
        spec = wire.TokenSpec(name="t")
        request = wire.CreateTokenRequest(identity=operator.identity, user="bob", spec=spec)
        basic = aiohttp.encode_basic_auth("bob", (await authority.create_token(request)).secret)
        async with client.get(f"{url}/token", params=query, headers={"Authorization": basic}) as response:
            return f"Bearer {(await response.json())['token']}"


@asynccontextmanager
async def stuck(door: WireRegistry, location: str, sent: bytes, arrived: Callable[[], bool]) -> AsyncIterator[None]:
    """A request that has brought these bytes to storage, and goes on until whatever is between is gone."""
    gone = asyncio.Event()

    async def body() -> AsyncIterator[bytes]:
        for start in range(0, len(sent), PIECE):
            yield sent[start : start + PIECE]
        await gone.wait()

    sending = asyncio.create_task(door.ask("PATCH", location, data=body()))
    await until_true(arrived)
    try:
        yield
    finally:
        gone.set()
        with suppress(aiohttp.ClientError):
            assert (await sending).status >= 500


async def offset_of(door: WireRegistry, location: str) -> int:
    """Where the upload stands."""
    answer = await door.ask("GET", location)
    assert answer.status == 204, answer.body
    last = int(answer.headers["Range"].partition("-")[2])
    return last + 1 if last else 0


async def goes_on(door: WireRegistry, location: str, data: bytes, least: int) -> None:
    """From the reported offset to the end; who wrote before may still have to be noticed gone."""
    offset = await offset_of(door, location)
    assert least <= offset <= len(data)
    digest = Digest.of(data)

    async def closed() -> bool:
        start = await offset_of(door, location)
        last = await door.ask("PUT", f"{location}?digest={digest}", headers=span(start, data), data=data[start:])
        assert last.status in (201, 409, 416), last.body
        return last.status == 201

    await until(closed)
    assert (await door.ask("GET", door.at(f"blobs/{digest}"))).body == data


def span(start: int, data: bytes) -> dict[str, str]:
    """Where the rest lies, if there is any."""
    return {"Content-Range": f"{start}-{len(data) - 1}"} if start < len(data) else {}


async def begun(door: WireRegistry, data: bytes) -> str:
    """An upload whose first pieces were acknowledged."""
    location = await door.start()
    assert (await door.ask("PATCH", location, data=data[: 3 * PIECE])).status == 202
    return location


def has_more(storage: StorageProcess, location: str) -> Callable[[], bool]:
    """Whether some of a second request's bytes are stored."""
    file = storage.data / "uploads" / UUID(location.rpartition("/")[2]).hex
    return lambda: file.stat().st_size > 3 * PIECE


async def test_a_push_goes_on_at_another_gateway(site: Site, doors: list[WireRegistry], data: bytes) -> None:
    """The one it went through was killed amid a chunk: nothing that was acknowledged is missing."""
    first, second = doors
    location = await begun(first, data)
    async with stuck(first, location, data[3 * PIECE : 30 * PIECE], has_more(site.storage, location)):
        await site.gateways[0].kill()
        await goes_on(second, location, data, 3 * PIECE)


async def test_a_push_goes_on_after_storage_came_back(site: Site, doors: list[WireRegistry], data: bytes) -> None:
    """Killed amid a chunk as well; meanwhile the answer is 503, and the running hash is computed anew (R90)."""
    first, second = doors
    location = await begun(first, data)
    async with stuck(first, location, data[3 * PIECE : 30 * PIECE], has_more(site.storage, location)):
        await site.storage.kill()
        away = await second.ask("GET", location)
        assert (away.status, away.code) == (503, "UNAVAILABLE")
    await site.start()
    await goes_on(second, location, data, 3 * PIECE)


async def test_two_writers_never_interleave(site: Site, doors: list[WireRegistry], data: bytes) -> None:
    """Through two gateways: of those that come while one writes each is told 409 at once, and none of it is stored."""
    first, second = doors
    location = await begun(first, data)
    async with stuck(first, location, data[3 * PIECE : 30 * PIECE], has_more(site.storage, location)):
        for method in ("PATCH", "PUT"):
            refused = await second.ask(method, f"{location}?digest={Digest.of(data)}", data=b"x" * PIECE)
            assert (refused.status, refused.code) == (409, "BLOB_UPLOAD_INVALID"), refused.body
        await site.gateways[0].kill()
    await goes_on(second, location, data, 3 * PIECE)


@pytest.mark.parametrize("framing", ["chunked", "announced"])
async def test_a_client_may_hang_up_anywhere(doors: list[WireRegistry], data: bytes, framing: str) -> None:
    """As often as it likes: the offset is what arrived and never goes back, and in the end the blob is whole."""
    door, chance = doors[0], random.Random(framing)
    location, offset, furthest, hang_ups = await door.start(), 0, 0, 0
    while (rest := len(data) - offset) > 4 * PIECE:
        sent = chance.randrange(1, min(rest, 10 * PIECE))
        await _hang_up(door, location, offset, data[offset : offset + sent], None if framing == "chunked" else rest)
        furthest, hang_ups = max(furthest, offset + sent), hang_ups + 1
        await until(lambda: _is_free(door, location))
        stands = await offset_of(door, location)
        assert offset <= stands <= furthest
        offset = stands
    assert hang_ups > 3
    await goes_on(door, location, data, offset)


async def _hang_up(door: WireRegistry, location: str, start: int, sent: bytes, announced: int | None) -> None:
    """Sends the beginning of a request and closes the connection."""
    host, port = door.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    length = len(sent) + 1 if announced is None else announced
    lines = [
        f"PATCH {location} HTTP/1.1",
        "Host: registry.test",
        f"Authorization: {door.headers['Authorization']}",
        f"Content-Range: {start}-{start + length - 1}",
        "Transfer-Encoding: chunked" if announced is None else f"Content-Length: {length}",
    ]
    writer.write("\r\n".join(lines).encode() + b"\r\n\r\n")
    writer.write(sent if announced is not None else b"%x\r\n%b" % (length, sent))
    await writer.drain()
    writer.close()
    with suppress(ConnectionError):
        await reader.read()
        await writer.wait_closed()


async def _is_free(door: WireRegistry, location: str) -> bool:
    """Whether nobody writes to the upload just now: an empty chunk is taken."""
    answer = await door.ask("PATCH", location, data=b"")
    assert answer.status in (202, 409), answer.body
    return answer.status == 202


async def test_twenty_pushes_of_one_digest_store_one_object(site: Site, doors: list[WireRegistry], data: bytes) -> None:
    """At once, through both gateways, in one request or several: all succeed (R91)."""
    before, digest = set(files_below(site.storage.data)), Digest.of(data)

    async def push(number: int) -> int:
        door = doors[number % 2]
        if number % 3 == 0:
            path = door.at(f"blobs/uploads/?digest={digest}")
            return (await door.ask("POST", path, data=data)).status
        location = await begun(door, data)
        return (await door.ask("PUT", f"{location}?digest={digest}", data=data[3 * PIECE :])).status

    assert await asyncio.gather(*map(push, range(20))) == [201] * 20
    (file,) = set(files_below(site.storage.data)) - before
    assert file.read_bytes() == data
