"""`?wait=all` with real permissions and three gateways: it means that every one of them enforces it (§3.2, §3.6)."""

from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path

from aiohttp.test_utils import TestClient, TestServer

from contracts.storage_parts import MemoryStorage
from faults.waiting import until, until_true
from gateway.three_gateways import Barren, logins, three_gateways
from moorage.access import wire
from moorage.access.consistency import ConsistencyToken
from moorage.access.sync_wire import AwaitFleetRequest
from moorage.gateway.app import Gateway, open_gateway
from moorage.gateway.settings import GatewaySettings
from moorage.permissions.fleet import Gateways


async def test_wait_all_never_returns_before_every_gateway_enforces(tmp_path: Path) -> None:
    """Three gateways, one of them frozen: 202 and its name until it moves; then 200, and all three decide alike."""
    async with three_gateways(tmp_path) as (permissions, gateways, freezing, secret), AsyncExitStack() as stack:
        client = await stack.enter_async_context(TestClient(TestServer(gateways[0].public_app())))
        login = await logins(permissions, secret)
        made = await client.post(
            "/api/v1/images?wait=all",
            json={"name": "acme/hello/api", "repository": "hello"},
            auth=None,
            headers=login["bob"],
        )
        assert made.status == 201, await made.text()
        image = (await made.json())["id"]
        path = f"/api/v1/images/{image}/visibility?wait=all"
        freezing.flowing.clear()
        answer = await client.put(path, json={"visibility": "workspace"}, headers=login["bob"])
        assert answer.status == 202
        told = (await answer.json())["progress"]
        assert told["waiting"] == [str(gateways[2].enlistment.id)]
        assert len(told["confirmed"]) == 2
        token = ConsistencyToken.parse(answer.headers["Moorage-Authz-Token"])
        assert [gateway.follower.replica.position >= token for gateway in gateways] == [True, True, False]  # type: ignore[union-attr] # all have loaded
        freezing.flowing.set()
        again = await client.put(path, json={"visibility": "inherit"}, headers=login["bob"])
        assert again.status == 200
        token = ConsistencyToken.parse(again.headers["Moorage-Authz-Token"])
        assert all(gateway.follower.replica.position >= token for gateway in gateways)  # type: ignore[union-attr] # all have


async def test_a_gateway_that_leaves_is_not_waited_for(tmp_path: Path) -> None:
    """Draining, it says so."""
    async with three_gateways(tmp_path) as (permissions, gateways, _, _):
        assert len((await permissions.authority.gateways.fleet()).members) == 3
        await gateways[1].enlistment.__aexit__(None, None, None)
        assert len((await permissions.authority.gateways.fleet()).members) == 2
        assert not gateways[1].enlistment.current


async def test_a_gateway_without_a_replica_is_not_waited_for(
    tmp_path: Path,
) -> None:
    """It enforces everything, for it decides nothing; whoever did not wait for it must not be proved wrong later."""
    async with three_gateways(tmp_path) as (permissions, gateways, _, secret):
        gates = permissions.authority.gateways
        barren = Barren(permissions.authority)
        old = await permissions.authority.snapshot(None)
        settings = GatewaySettings(secrets_dir=tmp_path / "barren")
        async with open_gateway(settings, permissions.authority, barren, MemoryStorage().content) as late:
            assert not late.enlistment.current
            operator = (await permissions.authority.authenticate(wire.AuthenticateRequest(secret=secret))).identity
            request = wire.SetWorkspaceRequest(identity=operator, workspace="acme", allow_public=True)
            token = ConsistencyToken.parse((await permissions.authority.set_workspace(request)).token)
            progress = await gates.reached(AwaitFleetRequest(token=str(token)))
            assert (progress.reached, len(progress.confirmed)) == (True, len(gateways))
            barren.flowing.clear()
            barren.old = old
            await until_true(lambda: late.follower.replica is not None)
            assert late.follower.replica
            assert late.follower.replica.position < token
            await until(partial(knows, gates, late))
            assert not late.enlistment.current
            barren.flowing.set()
            await until_true(lambda: late.enlistment.current)
            assert late.follower.replica.position >= token


async def knows(gateways: Gateways, gateway: Gateway) -> bool:
    """Whether who waits waits for this one too."""
    return gateway.enlistment.id in {each.id for each in (await gateways.fleet()).members}


async def test_a_shorter_silence_counts_at_once(tmp_path: Path) -> None:
    """Nobody waits a quarter of an hour for a killed gateway that could have served public images once."""
    async with three_gateways(tmp_path) as (permissions, gateways, _, secret):
        gates = permissions.authority.gateways
        operator = (await permissions.authority.authenticate(wire.AuthenticateRequest(secret=secret))).identity
        for allowed, seconds in ((True, 900.0), (False, 300.0), (True, 900.0)):
            request = wire.SetWorkspaceRequest(identity=operator, workspace="acme", allow_public=allowed)
            await permissions.authority.set_workspace(request)
            await until(partial(all_tell, gates, seconds))
            await until_true(lambda: all(each.enlistment.current for each in gateways))


async def all_tell(gateways: Gateways, seconds: float) -> bool:
    """Whether three gateways are known, and so long a silence of each."""
    return [each.serves_for for each in (await gateways.fleet()).members] == [seconds] * 3
