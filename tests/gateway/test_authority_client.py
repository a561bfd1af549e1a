"""The authority behind HTTP keeps the contract of the one in process, and faults become ServiceUnavailable."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import uuid4

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from contracts.authority import AuthorityContract, Site
from contracts.authority_feed import AuthorityFeedContract, Source
from moorage.access import wire
from moorage.access.consistency import ORIGIN
from moorage.access.principal import NOBODY
from moorage.access.problems import CredentialUnknown, PositionGone, ServiceUnavailable
from moorage.gateway.adapters.authority_client import MAX_FRAME_BYTES, AuthorityClient, Budgets
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
async def remote(permissions: Permissions, client: AuthorityClient, tmp_path: Path) -> Site:
    """The authority of the contract, behind HTTP."""
    secret = await permissions.operator(tmp_path / "operator.json")
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


async def test_a_frame_that_is_too_large_to_be_read_asks_for_a_snapshot(session: aiohttp.ClientSession) -> None:
    """The same frame would come again and again (R115)."""
    app = web.Application()
    app.router.add_get("/internal/v1/changes", answering(200, b"x" * (MAX_FRAME_BYTES * 2 + 1) + b"\n"))
    async with TestServer(app) as server:
        client = AuthorityClient(session, str(server.make_url("/")), SERVICE_TOKEN)
        with pytest.raises(PositionGone):
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


IDENTITY = CHECK.identity
CREATE_IMAGE = wire.CreateImageRequest(identity=IDENTITY, workspace="acme", image="x/y", repository="x")
CREATE_TOKEN = wire.CreateTokenRequest(identity=IDENTITY, spec=wire.TokenSpec(name="x"))
ID = uuid4()


@asynccontextmanager
async def served_by(handler: Handler) -> AsyncIterator[str]:
    """The address of a server that answers everything so."""
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", handler)
    async with TestServer(app) as server:
        yield str(server.make_url("/"))


async def test_what_may_have_been_done_is_not_done_twice(session: aiohttp.ClientSession) -> None:
    """Asked again after a failure is what changes nothing, or nothing more the second time."""
    seen: list[str] = []

    async def fail(request: web.Request) -> web.StreamResponse:
        seen.append(request.path.rpartition("/")[2])
        return web.Response(status=503)

    async with served_by(fail) as url:
        client = AuthorityClient(session, url, SERVICE_TOKEN)
        calls: list[Awaitable[object]] = [
            client.check(CHECK),
            client.create_image(CREATE_IMAGE),
            client.relink_image(wire.RelinkImageRequest(identity=IDENTITY, id=ID, repository="x")),
            client.delete_image(wire.DeleteImageRequest(identity=IDENTITY, id=ID)),
            client.create_token(CREATE_TOKEN),
            client.revoke_token(wire.RevokeTokenRequest(identity=IDENTITY, token=ID)),
        ]
        for call in calls:
            with pytest.raises(ServiceUnavailable):
                await call
    once = ["create_image", "relink_image", "delete_image", "create_token"]
    assert seen == ["check", "check", *once, "revoke_token", "revoke_token"]


async def test_a_change_has_more_time_than_a_question(session: aiohttp.ClientSession) -> None:
    """A busy authority still mints, once, while questions give up on it."""
    arrived, go_on, seen = asyncio.Event(), asyncio.Event(), list[str]()

    async def busy(request: web.Request) -> web.StreamResponse:
        seen.append(request.path.rpartition("/")[2])
        arrived.set()
        await go_on.wait()
        return web.Response(status=401, text=json.dumps({"type": "x/credential-unknown", "detail": "no"}))

    async with served_by(busy) as url:
        client = AuthorityClient(session, url, SERVICE_TOKEN, Budgets(question=0.05, change=60))
        async with asyncio.TaskGroup() as group:
            minted = group.create_task(_refused(client.create_token(CREATE_TOKEN)))
            await arrived.wait()
            with pytest.raises(ServiceUnavailable):
                await client.check(CHECK)
            go_on.set()
    assert minted.result() == "no"
    assert seen == ["create_token", "check"]


async def _refused(call: Awaitable[object]) -> str:
    with pytest.raises(CredentialUnknown) as refusal:
        await call
    return refusal.value.detail
