"""The authority behind HTTP keeps the contract of the one in process, and faults become ServiceUnavailable."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from contracts.authority import AuthorityContract, Site
from contracts.authority_feed import AuthorityFeedContract, Source
from moorage.access import wire
from moorage.access.consistency import ORIGIN
from moorage.access.principal import NOBODY
from moorage.access.problems import CredentialUnknown, ServiceUnavailable
from moorage.gateway.adapters.authority_client import AuthorityClient
from moorage.permissions.adapters.pepper import FilePepper
from moorage.permissions.app import Permissions
from moorage.permissions.memory.ledger import MemoryLedger
from moorage.permissions.settings import PermissionsSettings
from moorage.runtime.clock import SystemClock

SERVICE_TOKEN = "between services"
CHECK = wire.CheckRequest(identity=wire.IdentityBody.of(NOBODY), workspace="acme", image="x", action="pull")
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    """Connections to the authority."""
    async with aiohttp.ClientSession() as opened:
        yield opened


@pytest.fixture
async def permissions() -> Permissions:
    """The permissions service over memory."""
    settings = PermissionsSettings.model_validate(
        {"database_url": "postgresql://", "secrets_dir": ".", "service_token": SERVICE_TOKEN}
    )
    return Permissions(MemoryLedger(), FilePepper(b"k" * 32), SystemClock(), settings)


@pytest.fixture
async def client(permissions: Permissions, session: aiohttp.ClientSession) -> AsyncIterator[AuthorityClient]:
    """A client of its internal listener."""
    async with TestServer(permissions.internal_app()) as server:
        yield AuthorityClient(session, str(server.make_url("/")), SERVICE_TOKEN)


@pytest.fixture
async def remote(permissions: Permissions, client: AuthorityClient) -> Site:
    """The authority of the contract, behind HTTP."""
    secret = await permissions.bootstrap()
    assert secret
    return Site(client, permissions.ingest, permissions.authority.set_workspace, secret)


class TestRemoteAuthority(AuthorityContract):
    """Over HTTP."""

    @pytest.fixture
    async def site(self, remote: Site) -> Site:
        """See the contract."""
        return remote


class TestRemoteFeed(AuthorityFeedContract):
    """Over HTTP."""

    @pytest.fixture
    async def source(self, remote: Site, client: AuthorityClient) -> Source:
        """See the contract."""
        return Source(client, remote)


async def test_another_service_token_is_refused(permissions: Permissions, session: aiohttp.ClientSession) -> None:
    """The authority answers gateways only."""
    async with TestServer(permissions.internal_app()) as server:
        stranger = AuthorityClient(session, str(server.make_url("/")), "guess")
        with pytest.raises(CredentialUnknown):
            await stranger.check(CHECK)


async def test_nobody_there_is_unavailable(session: aiohttp.ClientSession) -> None:
    """For operations, snapshots and the stream."""
    async with TestServer(web.Application()) as server:
        url = str(server.make_url("/"))
    client = AuthorityClient(session, url, SERVICE_TOKEN)
    with pytest.raises(ServiceUnavailable):
        await client.check(CHECK)
    with pytest.raises(ServiceUnavailable):
        await client.snapshot(None)
    with pytest.raises(ServiceUnavailable):
        await anext(client.changes(ORIGIN))


def answering(status: int, body: bytes) -> Handler:
    """A handler that always answers so."""

    async def handle(_request: web.Request) -> web.StreamResponse:
        return web.Response(status=status, body=body)

    return handle


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, b"no JSON"),
        (200, b"{}"),
        (500, b"oops"),
        (502, b"<html>"),
        (503, json.dumps({"type": "https://moorage.dev/problems/unavailable", "detail": "x"}).encode()),
        (404, b"a proxy's page"),
        (429, b"[]"),
    ],
)
async def test_an_answer_that_makes_no_sense_is_unavailable(
    session: aiohttp.ClientSession, status: int, body: bytes
) -> None:
    """Whatever stands between us: never a decision."""
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", answering(status, body))
    async with TestServer(app) as server:
        client = AuthorityClient(session, str(server.make_url("/")), SERVICE_TOKEN)
        with pytest.raises(ServiceUnavailable):
            await client.check(CHECK)
        with pytest.raises(ServiceUnavailable):
            await client.snapshot(None)
        with pytest.raises(ServiceUnavailable):
            await anext(client.changes(ORIGIN))


async def test_a_question_is_asked_again_once_a_change_is_not(session: aiohttp.ClientSession) -> None:
    """What may have been done is not done twice."""
    seen: list[str] = []

    async def fail(request: web.Request) -> web.StreamResponse:
        seen.append(request.path.rpartition("/")[2])
        return web.Response(status=503)

    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", fail)
    async with TestServer(app) as server:
        client = AuthorityClient(session, str(server.make_url("/")), SERVICE_TOKEN)
        create = wire.CreateImageRequest(identity=CHECK.identity, workspace="acme", image="x/y", repository="x")
        with pytest.raises(ServiceUnavailable):
            await client.check(CHECK)
        with pytest.raises(ServiceUnavailable):
            await client.create_image(create)
    assert seen == ["check", "check", "create_image"]
