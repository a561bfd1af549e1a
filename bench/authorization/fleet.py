"""Three gateways of the site, the people who ask them, and how it is seen that a change is enforced at all of them."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final
from uuid import uuid4

import aiohttp
from aiohttp import encode_basic_auth

from bench.authorization.keep_alive import KeepAlive, get
from bench.authorization.population import record
from bench.authorization.site import GatewayProcess, Site
from faults.fleet import client_of
from faults.revocations import Kind, Stage
from moorage.access import wire
from moorage.gateway.adapters.authority_client import AuthorityClient

GATEWAYS: Final = 3
_POLL_SECONDS: Final = 0.015
_POLL_SHARE: Final = 0.05
_LONGEST_POLL_SECONDS: Final = 0.1
"""Asked again after a twentieth of the time waited so far, within these: who asks more slows down what is measured."""
_LONGEST_SECONDS: Final = 120.0
_REFUSALS: Final = frozenset({401, 403, 404})


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with one right of one kind, and the request that needs it: nothing but the decision is costly in it."""

    kind: Kind
    stage: Stage
    request: bytes
    credential: wire.CreateTokenAnswer | None = None

    def allowed(self, status: int) -> bool:
        """Whether the gateway let the request in: an empty page of tags, or an upload that does not exist."""
        return status == (200 if self.kind.pulls else 404)

    def refused(self, status: int) -> bool:
        """Whether it turned the request away, knowing so; 503 is neither."""
        return status in _REFUSALS and not self.allowed(status)


@dataclass(frozen=True, slots=True)
class Lane:
    """A connection to each gateway, for one change at a time."""

    connections: Sequence[KeepAlive]

    async def seen(self, request: bytes, is_so: Callable[[int], bool]) -> float:
        """The moment at which the last gateway answers so for the first time. Raises TimeoutError."""
        return max(await asyncio.gather(*(_until(each, request, is_so) for each in self.connections)))

    async def again(self, request: bytes, is_so: Callable[[int], bool], times: int) -> int:
        """How many of so many further answers of each gateway are so."""

        async def count(connection: KeepAlive) -> int:
            found = 0
            for _ in range(times):
                found += is_so(await connection.send(request))
                await asyncio.sleep(_POLL_SECONDS)
            return found

        return sum(await asyncio.gather(*map(count, self.connections)))


async def _until(connection: KeepAlive, request: bytes, is_so: Callable[[int], bool]) -> float:
    began = time.monotonic()
    async with asyncio.timeout(_LONGEST_SECONDS):
        while not is_so(await connection.send(request)):
            waited = _POLL_SHARE * (time.monotonic() - began)
            await asyncio.sleep(min(max(_POLL_SECONDS, waited), _LONGEST_POLL_SECONDS))
    return time.monotonic()


@asynccontextmanager
async def lanes(gateways: Sequence[GatewayProcess], count: int) -> AsyncIterator[list[Lane]]:
    """So many lanes."""
    opened = [Lane([await KeepAlive.open(each.port) for each in gateways]) for _ in range(count)]
    try:
        yield opened
    finally:
        for lane in opened:
            for connection in lane.connections:
                connection.close()


async def three_gateways(site: Site) -> list[GatewayProcess]:
    """Started and ready, with storage behind them."""
    if not site.gateways:
        await site.storage()
        first = site.gateway(site.permissions, preload=False)
        await first.ready()  # it makes the signing keys that all share
        others = [site.gateway(site.permissions, preload=False) for _ in range(GATEWAYS - 1)]
        await asyncio.gather(*(each.ready() for each in others))
        site.gateways += [first, *others]
    return site.gateways


class Casting:
    """Makes people: facts, an image record, a credential, a bearer token."""

    def __init__(self, site: Site, authority: AuthorityClient, session: aiohttp.ClientSession) -> None:
        self._site = site
        self._authority = authority
        self._session = session

    async def person(self, kind: Kind, name: str, workspace: str) -> Person:
        """Somebody whose right is told, and not yet enforced everywhere."""
        stage = Stage(name, workspace)
        await self._site.live.tell([*stage.base(), *kind.before(stage), *kind.gives(stage)])
        await record(self._authority, workspace, stage.image, stage.repository)
        image = f"{workspace}/{stage.image}"
        credential = await self.credential(stage.user)
        auth = await self.bearer(stage.user, credential.secret, image)
        path = f"/v2/{image}/tags/list?n=0" if kind.pulls else f"/v2/{image}/blobs/uploads/{uuid4()}"
        return Person(kind, stage, get(path, auth), credential)

    async def credential(self, account: str) -> wire.CreateTokenAnswer:
        """A new personal token, minted by the operator."""
        secret = self._site.permissions.operator
        operator = await self._authority.authenticate(wire.AuthenticateRequest(secret=secret))
        request = wire.CreateTokenRequest(identity=operator.identity, user=account, spec=wire.TokenSpec(name="bench"))
        return await self._authority.create_token(request)

    async def bearer(self, account: str, secret: str, image: str) -> str:
        """The Authorization header of a bearer token for the image, good at every gateway."""
        url = f"http://127.0.0.1:{self._site.gateways[0].port}/token"
        query = {"service": "moorage", "scope": f"repository:{image}:pull,push"}
        headers = {"Authorization": encode_basic_auth(account, secret)}
        async with self._session.get(url, params=query, headers=headers) as response:
            if response.status != 200:
                raise RuntimeError(await response.text())
            return f"Bearer {(await response.json())['token']}"


@asynccontextmanager
async def casting(site: Site) -> AsyncIterator[Casting]:
    """Open while people are made."""
    async with client_of(site.permissions) as authority, aiohttp.ClientSession() as session:
        yield Casting(site, authority, session)
