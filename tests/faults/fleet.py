"""Several gateways over one permissions service and one storage in memory, each on a port of its own."""

import asyncio
import os
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import aiohttp
from aiohttp import encode_basic_auth
from aiohttp.test_utils import TestServer

from contracts.storage_parts import MemoryStorage
from faults.permissions_process import PermissionsProcess
from moorage.access import wire
from moorage.access.consistency import ConsistencyToken
from moorage.distribution.content import Content
from moorage.gateway.access import Patience
from moorage.gateway.adapters.authority_client import AuthorityClient
from moorage.gateway.app import Gateway, open_gateway
from moorage.gateway.ports import AuthorityFeed
from moorage.gateway.settings import GatewaySettings
from permissions.sample_facts import uuid_of

IMPATIENT: Final = Patience(load=5.0, catch_up=0.02, own_writes=5.0)
SOON_SECONDS: Final = 30.0
ADDRESS: Final = "http://registry.test"


def rounds(default: int) -> int:
    """How often a scenario is played: MOORAGE_TEST_ROUNDS multiplies what the test run takes."""
    return int(default * float(os.environ.get("MOORAGE_TEST_ROUNDS", "1")))


@dataclass(frozen=True, slots=True)
class Reply:
    """Status, headers and body of an answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass
class Door:
    """One gateway, as clients see it."""

    gateway: Gateway
    url: str
    session: aiohttp.ClientSession

    async def ask(self, method: str, path: str, auth: str, **options: Any) -> Reply:
        """An answer; `auth` is the Authorization header."""
        headers = {"Authorization": auth, **options.pop("headers", {})}
        async with self.session.request(method, self.url + path, headers=headers, **options) as response:
            return Reply(response.status, dict(response.headers), await response.read())

    async def reached(self, token: ConsistencyToken) -> None:
        """Waits until the gateway knows of the position."""
        assert await self.gateway.follower.reached(token, SOON_SECONDS)


@dataclass
class Fleet:
    """The gateways, and the service that they follow."""

    permissions: PermissionsProcess
    authority: AuthorityClient
    doors: list[Door] = field(default_factory=list)

    async def tell(self, facts: Sequence[bytes]) -> ConsistencyToken:
        """Facts by hand; where they are in the order."""
        status, answer = await self.permissions.post("facts", b"\n".join(facts), self.permissions.operator)
        assert status == 200, answer
        return ConsistencyToken.parse(answer["token"])

    async def caught_up(self, token: ConsistencyToken) -> None:
        """Every gateway knows of the position."""
        await asyncio.gather(*(door.reached(token) for door in self.doors))

    async def image(self, owner: str, of: str, name: str, repository: str) -> wire.ImageBody:
        """A new image record, made by the workspace's owner."""
        request = wire.CreateImageRequest(identity=identity_of(owner), workspace=of, image=name, repository=repository)
        return await self.authority.create_image(request)

    async def secret(self, account: str) -> wire.CreateTokenAnswer:
        """A new personal token, minted by the operator."""
        operator = await self.authority.authenticate(wire.AuthenticateRequest(secret=self.permissions.operator))
        request = wire.CreateTokenRequest(identity=operator.identity, user=account, spec=wire.TokenSpec(name="t"))
        return await self.authority.create_token(request)

    async def bearer(self, account: str, *images: str) -> str:
        """The Authorization header of a bearer token with everything on these images, good at every gateway."""
        return await self.bearer_of(account, (await self.secret(account)).secret, *images)

    async def bearer_of(self, account: str, secret: str, *images: str) -> str:
        """The same for a secret that exists."""
        query = [("service", "moorage"), *(("scope", f"repository:{image}:pull,push,delete") for image in images)]
        auth = encode_basic_auth(account, secret)
        url = f"{self.doors[0].url}/token"
        async with self.doors[0].session.get(url, params=query, headers={"Authorization": auth}) as response:
            assert response.status == 200, await response.text()
            return f"Bearer {(await response.json())['token']}"


def identity_of(account: str) -> wire.IdentityBody:
    """A user as services name it to one another."""
    return wire.IdentityBody.model_validate({"kind": "user", "id": str(uuid_of("user", account))})


@asynccontextmanager
async def open_fleet(permissions: PermissionsProcess, folder: Path, size: int = 3) -> AsyncIterator[Fleet]:
    """A fleet that shares its signing keys and its content."""
    content = MemoryStorage().content
    async with AsyncExitStack() as stack:
        fleet = Fleet(permissions, await stack.enter_async_context(client_of(permissions)))
        for _ in range(size):
            fleet.doors.append(await stack.enter_async_context(door(fleet.authority, fleet.authority, folder, content)))
        yield fleet


@asynccontextmanager
async def client_of(permissions: PermissionsProcess, port: int | None = None) -> AsyncIterator[AuthorityClient]:
    """A client of the service, directly or by another port of loopback."""
    url = f"http://127.0.0.1:{port}" if port else permissions.url
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        yield AuthorityClient(session, url, permissions.token)


@asynccontextmanager
async def door(
    authority: AuthorityClient,
    feed: AuthorityFeed,
    folder: Path,
    content: Content,
    patience: Patience = IMPATIENT,
) -> AsyncIterator[Door]:
    """One more gateway."""
    settings = GatewaySettings(secrets_dir=folder / "keys", public_url=ADDRESS, token_seconds=3600)
    async with (
        open_gateway(settings, authority, feed, content, patience=patience) as gateway,
        TestServer(gateway.public_app()) as server,
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session,
    ):
        yield Door(gateway, str(server.make_url("")).rstrip("/"), session)
