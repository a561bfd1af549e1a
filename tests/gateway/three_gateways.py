"""Real permissions in memory, and gateways whose feeds can be stopped."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from uuid import UUID

from aiohttp import encode_basic_auth

from contracts.storage_parts import MemoryStorage
from faults.passing_feed import PassingFeed
from faults.waiting import until_true
from moorage.access import wire
from moorage.access.consistency import ConsistencyToken
from moorage.access.frames import Frame
from moorage.access.packed import Packed
from moorage.access.problems import ServiceUnavailable
from moorage.gateway.app import Gateway, open_gateway
from moorage.gateway.ports import AuthorityFeed
from moorage.gateway.settings import GatewaySettings
from moorage.permissions.adapters.pepper import FilePepper
from moorage.permissions.app import Permissions
from moorage.permissions.memory.ledger import MemoryLedger
from moorage.permissions.settings import PermissionsSettings
from moorage.runtime.clock import SystemClock
from permissions.sample_facts import small_workspace


class Freezing(PassingFeed):
    """A feed whose stream can be stopped while reports go on: the gateway behind it does not move."""

    def __init__(self, feed: AuthorityFeed) -> None:
        super().__init__(feed)
        self.flowing = asyncio.Event()
        self.flowing.set()

    async def changes(self, after: ConsistencyToken) -> AsyncIterator[Frame]:
        """See AuthorityFeed."""
        async for frame in self._feed.changes(after):
            await self.flowing.wait()
            yield frame


class Barren(Freezing):
    """A feed that has no snapshot until it is told to give one, which is one of long ago."""

    def __init__(self, feed: AuthorityFeed) -> None:
        super().__init__(feed)
        self.old: Packed | None = None

    async def snapshot(self, workspace: UUID | None, at_least: ConsistencyToken | None = None) -> Packed:
        """See AuthorityFeed."""
        if self.old is None or workspace is not None:
            raise ServiceUnavailable("there is no snapshot now")
        return self.old


@asynccontextmanager
async def three_gateways(folder: Path) -> AsyncIterator[tuple[Permissions, list[Gateway], Freezing, str]]:
    """Real permissions, and three gateways, the last of which can be frozen."""
    configured = {"database_url": "postgresql://", "secrets_dir": "."}
    settings = PermissionsSettings.model_validate(configured)
    permissions = Permissions(MemoryLedger(), FilePepper(b"k" * 32), SystemClock(), settings)
    secret = await permissions.operator(folder / "operator.json")
    await permissions.ingest(small_workspace())
    authority = permissions.authority
    freezing = Freezing(authority)
    async with AsyncExitStack() as stack:
        gateways: list[Gateway] = []
        feeds: tuple[AuthorityFeed, ...] = (authority, authority, freezing)
        for number, feed in enumerate(feeds):
            own = GatewaySettings(secrets_dir=folder / str(number))
            gateway = await stack.enter_async_context(open_gateway(own, authority, feed, MemoryStorage().content))
            gateways.append(gateway)
            await until_true(partial(is_ready, gateway))
        yield permissions, gateways, freezing, secret


def is_ready(gateway: Gateway) -> bool:
    """Whether it decides by itself."""
    return gateway.follower.ready and gateway.enlistment.current


async def logins(permissions: Permissions, secret: str) -> dict[str, dict[str, str]]:
    """Headers of users with fresh tokens."""
    operator = await permissions.authority.authenticate(wire.AuthenticateRequest(secret=secret))
    found = {}
    for account in ("bob",):
        request = wire.CreateTokenRequest(identity=operator.identity, user=account, spec=wire.TokenSpec(name="t"))
        minted = (await permissions.authority.create_token(request)).secret
        found[account] = {"Authorization": encode_basic_auth(account, minted)}
    return found
