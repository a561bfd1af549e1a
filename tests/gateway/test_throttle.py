"""Too much is told so: per address, per principal, uploads at once, and of all together (R46, R141, R144)."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from contracts.samples import push_blob, some_actor
from distribution.served import AT_ONCE
from faults.waiting import until
from gateway.site import CONFIG, Answer, Site, open_site
from gateway.village_order import identifier
from moorage.oci.digest import Digest
from moorage.runtime.health import Health
from moorage.runtime.metrics import HttpMetrics
from moorage.runtime.serving import Listener, serve

NAME = "acme/ledger/api"
UPLOADS = f"/v2/{NAME}/blobs/uploads/"
STORED = f"{UPLOADS}?digest={Digest.of(CONFIG)}"


class Trickle:
    """A body that begins, and goes on when it is told to."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.goes_on = asyncio.Event()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield CONFIG[:1]
        self.begun.set()
        await self.goes_on.wait()
        yield CONFIG[1:]


def is_too_many(answer: Answer) -> bool:
    """Whether it is the refusal of a limit, in the form of the distribution API."""
    return (answer.status, answer.code) == (429, "TOOMANYREQUESTS") and int(answer.headers["Retry-After"]) > 0


async def test_one_principal_has_its_rate(tmp_path: Path) -> None:
    """However it shows who it is; others go on, and a second later it is let in again."""
    async with open_site(tmp_path, requests_per_second=1) as site:
        token, statuses = await site.bearer("bob"), []
        for auth in [site.basic("bob"), token] * 5:
            statuses.append((await site.ask("GET", "/v2/", auth=auth)).status)
        assert statuses == [200] * 9 + [429]
        assert is_too_many(await site.ask("GET", f"/v2/{NAME}/tags/list", auth=token))
        assert is_too_many(await site.ask("GET", "/token", auth=site.basic("bob")))
        managed = await site.ask("GET", "/api/v1/tokens", auth=site.basic("bob"))
        assert (managed.status, managed.headers["Content-Type"]) == (429, "application/problem+json")
        assert "Retry-After" in managed.headers
        assert (await site.ask("GET", "/v2/", auth=site.basic("alice"))).status == 200
        site.clock.advance(timedelta(seconds=1))
        assert (await site.ask("GET", "/v2/", auth=token)).status == 200


@pytest.mark.parametrize("path", ["/v2/", "/token", "/", "/nowhere"])
async def test_one_address_has_its_rate(tmp_path: Path, path: str) -> None:
    """Also nobody's: before any credential is looked at."""
    async with open_site(tmp_path, requests_per_second_per_address=1) as site:
        for _ in range(10):
            assert (await site.ask("GET", path)).status in (200, 401, 404)
        assert is_too_many(await site.ask("GET", path))
        assert (await site.ask("GET", "/api/v1/tokens")).status == 429
        site.clock.advance(timedelta(seconds=2))
        assert (await site.ask("GET", path)).status in (200, 401, 404)


async def test_a_principal_sends_only_so_much_at_once(tmp_path: Path) -> None:
    """Others do, and what sends nothing is no upload; once one has ended the next one may begin."""
    async with open_site(tmp_path, uploads_at_once=1) as site:
        bob, body = site.basic("bob"), Trickle()
        first = asyncio.create_task(site.ask("POST", STORED, auth=bob, data=body))
        await body.begun.wait()
        assert is_too_many(await site.ask("POST", STORED, auth=bob, data=CONFIG))
        assert (await site.ask("POST", UPLOADS, auth=bob)).status == 202
        assert (await site.ask("POST", STORED, auth=site.basic("alice"), data=CONFIG)).status == 201
        body.goes_on.set()
        assert (await first).status == 201
        await site.push("bob", NAME)


async def test_who_leaves_amid_an_upload_gives_it_back(tmp_path: Path) -> None:
    """The place is not lost with the connection."""
    async with open_site(tmp_path, uploads_at_once=1) as site:
        bob, body = site.basic("bob"), Trickle()
        left = asyncio.create_task(site.ask("POST", STORED, auth=bob, data=body))
        await body.begun.wait()
        left.cancel()
        status = 429
        async with asyncio.timeout(10):
            while status != 201:
                status = (await site.ask("POST", STORED, auth=bob, data=CONFIG)).status


async def test_overload_is_shed_at_once_and_over_when_it_ends(tmp_path: Path) -> None:
    """503 with Retry-After on every path, whoever asks, and no memory of it afterwards."""
    async with open_site(tmp_path, requests_at_once=1) as site:
        body = Trickle()
        going_on = asyncio.create_task(site.ask("POST", STORED, auth=site.basic("bob"), data=body))
        await body.begun.wait()
        for path in ("/v2/", f"/v2/{NAME}/tags/list", "/token", "/"):
            shed = await site.ask("GET", path, auth=site.basic("alice"))
            assert (shed.status, shed.code) == (503, "UNAVAILABLE")
            assert int(shed.headers["Retry-After"]) > 0
        managed = await site.ask("GET", "/api/v1/tokens", auth=site.basic("alice"))
        assert (managed.status, managed.headers["Content-Type"]) == (503, "application/problem+json")
        body.goes_on.set()
        assert (await going_on).status == 201
        assert (await site.ask("GET", "/v2/", auth=site.basic("alice"))).status == 200


async def test_one_address_holds_half_of_what_there_is(tmp_path: Path) -> None:
    """The other half is for everybody else."""
    async with open_site(tmp_path, requests_at_once=2) as site:
        body = Trickle()
        going_on = asyncio.create_task(site.ask("POST", STORED, auth=site.basic("bob"), data=body))
        await body.begun.wait()
        assert is_too_many(await site.ask("GET", "/v2/", auth=site.basic("alice")))
        body.goes_on.set()
        assert (await going_on).status == 201
        assert (await site.ask("GET", "/v2/", auth=site.basic("alice"))).status == 200


@asynccontextmanager
async def download_that_nobody_reads(site: Site, idle: timedelta) -> AsyncIterator[None]:
    """The head was read; there is far more than buffers take."""
    image = site.village.images[identifier("im:ledger/api")].id
    digest = await push_blob(site.storage.content, image, bytes(32 * 2**20), some_actor())
    listener = Listener("public", site.gateway.public_app(), idle_time=idle)
    async with serve([listener], Health(), HttpMetrics(CollectorRegistry()), AT_ONCE) as places:
        reader, writer = await asyncio.open_connection(*places["public"], limit=1024)
        head = [f"GET /v2/{NAME}/blobs/{digest} HTTP/1.1", "Host: x", f"Authorization: {site.basic('carol')}", "", ""]
        writer.write("\r\n".join(head).encode())
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200")
        yield
        writer.transport.abort()


async def test_a_download_that_nobody_reads_gives_its_place_back(tmp_path: Path) -> None:
    """It holds one, for as long as somebody may be pausing; then it is cut, though the client is still there."""
    async with open_site(tmp_path, requests_at_once=2) as site:

        async def has_room() -> bool:
            return (await site.ask("GET", "/v2/", auth=site.basic("carol"))).status == 200

        async with download_that_nobody_reads(site, timedelta(hours=1)):
            assert is_too_many(await site.ask("GET", "/v2/", auth=site.basic("carol")))
        await until(has_room)
        async with download_that_nobody_reads(site, timedelta(milliseconds=100)):
            await until(has_room)


async def test_the_defaults_are_out_of_the_way(site: Site) -> None:
    """A push and a pull, many times over."""
    for number in range(20):
        await site.push("bob", NAME, f"t{number}")
