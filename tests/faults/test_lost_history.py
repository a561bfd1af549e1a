"""A database that is ten minutes older: nothing is answered before the epoch is bumped, and nobody gets more (R72)."""

import json
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp.test_utils import TestClient, TestServer

from contracts.storage_parts import MemoryStorage
from faults.permissions_process import PermissionsProcess
from faults.test_cut_streams import personal_token
from faults.waiting import until, until_true
from moorage.access.consistency import ConsistencyToken
from moorage.gateway.adapters.authority_client import AuthorityClient
from moorage.gateway.app import Gateway, open_gateway
from moorage.gateway.settings import GatewaySettings
from permissions.sample_facts import group_member, small_workspace, user
from servers.postgres import PostgresForTests

PULL, UPLOADS = "/v2/acme/hello/api/tags/list", "/v2/acme/hello/api/blobs/uploads/"


async def tell(permissions: PermissionsProcess, *facts: bytes) -> ConsistencyToken:
    """Facts by hand; the position at which they hold."""
    status, answer = await permissions.post("facts", b"\n".join(facts), permissions.operator)
    assert status == 200, answer
    return ConsistencyToken.parse(answer["token"])


async def bump(permissions: PermissionsProcess, *, current: bool) -> int:
    """A new epoch, as the operator begins it."""
    body = json.dumps({"reason": "restored the backup of 10:00", "facts_are_current": current}).encode()
    status, answer = await permissions.post("epoch", body, permissions.operator)
    assert status == 200, answer
    return int(answer["epoch"])


async def status(client: TestClient[Any, Any], method: str, path: str, auth: str, after: str = "") -> int:
    """The status of an answer."""
    headers = {"Authorization": auth} | ({"Moorage-Authz-Min-Token": after} if after else {})
    async with client.request(method, path, headers=headers) as response:
        return response.status


async def test_an_older_database_is_noticed_and_nobody_gets_more(
    permissions: PermissionsProcess, postgres: PostgresForTests, tmp_path: Path
) -> None:
    """Carol was removed after the backup: she is never let in again by what the backup says."""
    await tell(permissions, *small_workspace())
    async with AsyncExitStack() as stack:
        session = await stack.enter_async_context(aiohttp.ClientSession())
        authority = AuthorityClient(session, permissions.url, permissions.token)
        settings = GatewaySettings(secrets_dir=tmp_path / "keys", shadow_percent=0)
        content = MemoryStorage().content
        gateway = await stack.enter_async_context(open_gateway(settings, authority, authority, content))
        client = await stack.enter_async_context(TestClient(TestServer(gateway.public_app())))
        await until_true(lambda: gateway.follower.ready)
        bob = await personal_token(authority, permissions, "bob")
        carol = await personal_token(authority, permissions, "carol")
        await until(lambda: is_so(status(client, "POST", UPLOADS, bob), 202))
        await until(lambda: is_so(status(client, "GET", PULL, carol), 200))

        await permissions.stop()
        backup = await postgres.fresh_database(permissions.database)
        await permissions.start()
        removed = await tell(permissions, group_member("developers", "carol", present=False), user("zoe"))
        assert await gateway.follower.reached(removed, 30.0)
        await until(lambda: is_so(status(client, "GET", PULL, carol), 404))
        await until(lambda: reported(permissions, gateway, removed))

        await permissions.stop()
        permissions.configure({"DATABASE_URL": backup})
        permissions.spawn()
        await until(lambda: complains(permissions))
        # The copy that gateways have goes on within its bounds; the authority answers nobody.
        assert await status(client, "GET", PULL, carol) in (404, 503)

        assert await bump(permissions, current=False) == removed.epoch + 1
        await until_true(lambda: (replica := gateway.follower.replica) is not None and replica.epoch > removed.epoch)
        # What was told by hand is doubted: neither who was removed nor who was not is let in on it, old tokens or not.
        for after in ("", str(removed)):
            await until(lambda: is_so(status(client, "GET", PULL, carol), 503))
            for auth in (carol, bob):
                assert await status(client, "GET", PULL, auth, after) == 503
        # The lost fact is told again, and the operator confirms.
        await tell(permissions, group_member("developers", "carol", present=False))
        confirmed, _ = await permissions.post("epoch/confirm", b"{}", permissions.operator)
        assert confirmed == 200
        await until(lambda: is_so(status(client, "GET", PULL, bob, str(removed)), 200))
        assert await status(client, "GET", PULL, carol, str(removed)) == 404
        assert await status(client, "GET", PULL, bob, "zt1.99.1") == 200
        assert await status(client, "GET", PULL, bob, f"zt1.{removed.epoch + 1}.999999") == 200
    await permissions.kill()
    await postgres.drop(backup)


async def is_so(question: Any, expected: int) -> bool:
    """Whether this is answered."""
    return bool(await question == expected)


async def reported(permissions: PermissionsProcess, gateway: Gateway, token: ConsistencyToken) -> bool:
    """Whether the gateway's report has arrived."""
    minimum = gateway.enlistment.minimum
    return minimum is not None and ConsistencyToken.parse(minimum) >= token


async def complains(permissions: PermissionsProcess) -> bool:
    """Whether permissions says that changes are lost, and what to do."""
    try:
        found, document = await permissions.post("check", b"{}")
    except aiohttp.ClientError:
        return False
    if found == 422:  # the request breaks the schema: ask something that can be answered
        body = json.dumps({"identity": {"kind": "anonymous"}, "workspace": "acme", "image": "a/b", "action": "pull"})
        found, document = await permissions.post("check", body.encode())
    return found == 503 and "bump the epoch" in str(document)
