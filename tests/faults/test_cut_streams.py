"""The change stream is cut and stalls between permissions and a gateway: the replica is right, or known to be old."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import encode_basic_auth
from aiohttp.test_utils import TestClient, TestServer

from contracts.storage_parts import MemoryStorage
from faults.cutting_proxy import CuttingProxy, cutting_proxy
from faults.histories import History
from faults.permissions_process import PermissionsProcess
from faults.waiting import until, until_true
from moorage.access import wire
from moorage.access.consistency import ConsistencyToken
from moorage.gateway.adapters.authority_client import AuthorityClient
from moorage.gateway.app import open_gateway
from moorage.gateway.follower import Follower
from moorage.gateway.ports import AuthorityFeed
from moorage.gateway.replica.replica import Replica
from moorage.gateway.settings import GatewaySettings
from moorage.runtime.clock import SystemClock
from permissions.sample_facts import small_workspace

SOON = 30.0
FACTS = 40
FEWEST_CUTS = 10
PULL_BOUND_SECONDS = 3.0


@asynccontextmanager
async def through_proxy(permissions: PermissionsProcess) -> AsyncIterator[tuple[CuttingProxy, AuthorityClient]]:
    """A client of the service, with a proxy between."""
    port = int(permissions.url.rpartition(":")[2])
    async with cutting_proxy(port) as proxy, aiohttp.ClientSession() as session:
        yield proxy, AuthorityClient(session, f"http://127.0.0.1:{proxy.port}", permissions.token)


@pytest.mark.parametrize("seed", [17])
async def test_a_stream_that_is_cut_anywhere_leads_to_the_same_replica(
    permissions: PermissionsProcess, seed: int
) -> None:
    """In the middle of a line, of a snapshot, of a header: what follows is taken up, or taken anew."""
    history, chance = History(seed, 1500), random.Random(seed)
    facts = [each.body for each in history.told if not each.poison]
    token = await tell(permissions, facts[:50])
    async with through_proxy(permissions) as (proxy, client):
        follower = Follower(client, SystemClock(), longest_pause_seconds=0.05)
        following = asyncio.create_task(follower.run())
        try:
            assert await follower.reached(token, SOON)
            for at in range(50, len(facts), FACTS):
                proxy.cut_after(chance.randrange(1, 3000))
                await load_one(follower, chance.choice(history.workspaces))
                assert await follower.reached(await tell(permissions, facts[at : at + FACTS]), SOON)
            assert proxy.cuts > FEWEST_CUTS
            for each in history.workspaces:
                await until_loaded(follower, each)
            assert await follower.reached(await tell(permissions, [facts[-1]]), SOON)
            assert follower.replica
            assert follower.replica.contents == (await taken_afresh(client, history)).contents
        finally:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)


async def test_a_gateway_that_hears_nothing_says_so(permissions: PermissionsProcess, tmp_path: Path) -> None:
    """Within the bound it decides from what it has; past it the answer is 503, and then again from what is new."""
    await tell(permissions, small_workspace())
    settings = GatewaySettings(
        secrets_dir=tmp_path,
        staleness_fresh=PULL_BOUND_SECONDS / 3,
        staleness_aging=PULL_BOUND_SECONDS / 2,
        staleness_push=PULL_BOUND_SECONDS / 1.5,
        staleness_pull=PULL_BOUND_SECONDS,
    )
    async with (
        through_proxy(permissions) as (proxy, authority),
        open_gateway(settings, authority, authority, MemoryStorage().content) as gateway,
        TestClient(TestServer(gateway.public_app())) as client,
    ):
        bob = await bearer(client, await personal_token(authority, permissions, "bob"))
        assert await status(client, "POST", "/v2/acme/hello/api/blobs/uploads/", bob) == 202
        assert await status(client, "GET", "/v2/acme/hello/api/tags/list", bob) == 200
        replica = gateway.follower.replica
        assert replica
        acme = replica.workspace("acme")
        await until_true(lambda: gateway.follower.staleness(acme) < PULL_BOUND_SECONDS / 2)
        proxy.stall()
        assert await status(client, "GET", "/v2/acme/hello/api/tags/list", bob) == 200
        await until_true(lambda: gateway.follower.staleness(acme) > PULL_BOUND_SECONDS)
        assert await status(client, "GET", "/v2/acme/hello/api/tags/list", bob) == 503
        assert await status(client, "POST", "/v2/acme/hello/api/blobs/uploads/", bob) == 503
        proxy.go_on()
        await until_true(lambda: gateway.follower.staleness(acme) < PULL_BOUND_SECONDS)
        assert await status(client, "GET", "/v2/acme/hello/api/tags/list", bob) == 200


async def tell(permissions: PermissionsProcess, facts: list[bytes]) -> ConsistencyToken:
    """Facts by hand; where they are in the order."""
    status_, answer = await permissions.post("facts", b"\n".join(facts), permissions.operator)
    assert status_ == 200, answer
    return ConsistencyToken.parse(answer["token"])


async def load_one(follower: Follower, slug: str) -> None:
    """Asks for the workspace, and does not mind if it can't be had now."""
    found = follower.replica.workspace(slug) if follower.replica else None
    if found:
        await follower.load(found, 0)


async def until_loaded(follower: Follower, slug: str) -> None:
    """Asks for the workspace until it is there."""

    async def loaded() -> bool:
        found = follower.replica.workspace(slug) if follower.replica else None
        return found is not None and await follower.load(found, 0.2)

    await until(loaded)


async def taken_afresh(feed: AuthorityFeed, history: History) -> Replica:
    """A replica made of nothing but snapshots."""
    replica = Replica.load(await feed.snapshot(None))
    for each in history.workspace_ids:
        replica.expect(each)
        replica.adopt(each, await feed.snapshot(each))
    return replica


async def personal_token(authority: AuthorityClient, permissions: PermissionsProcess, account: str) -> str:
    """The Authorization header of a user's new token."""
    operator = await authority.authenticate(wire.AuthenticateRequest(secret=permissions.operator))
    request = wire.CreateTokenRequest(identity=operator.identity, user=account, spec=wire.TokenSpec(name="t"))
    return encode_basic_auth(account, (await authority.create_token(request)).secret)


async def bearer(client: TestClient[Any, Any], basic: str) -> str:
    """A bearer token for the image."""
    query = {"service": "moorage", "scope": "repository:acme/hello/api:pull,push"}
    async with client.get("/token", params=query, headers={"Authorization": basic}) as response:
        assert response.status == 200, await response.text()
        return f"Bearer {(await response.json())['token']}"


async def status(client: TestClient[Any, Any], method: str, path: str, auth: str) -> int:
    """The status of an answer."""
    async with client.request(method, path, headers={"Authorization": auth}) as response:
        return response.status
