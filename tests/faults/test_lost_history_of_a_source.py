"""An older database, and a source that tells again: at no time does anybody get back what was taken (R72, §3.7)."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp.test_utils import TestClient, TestServer

from contracts.storage_parts import MemoryStorage
from faults.permissions_process import PermissionsProcess
from faults.test_cut_streams import personal_token
from faults.test_lost_history import PULL, UPLOADS, bump, complains, is_so, reported, status
from faults.waiting import until, until_true
from moorage.access.consistency import ConsistencyToken
from moorage.gateway.adapters.authority_client import AuthorityClient
from moorage.gateway.app import open_gateway
from moorage.gateway.settings import GatewaySettings
from permissions.sample_facts import group_member, small_workspace
from permissions.sample_snapshots import heartbeat, whole
from servers.postgres import PostgresForTests

SOURCE = "bridge"
FACTS = [
    fact.replace(b'"data":{', b'"data":{"version":%d,' % number, 1) for number, fact in enumerate(small_workspace(), 1)
]
REMOVAL = group_member("developers", "carol", present=False, version=len(FACTS) + 1)


class Bridge:
    """A continuous source of everything over HTTP."""

    def __init__(self, permissions: PermissionsProcess) -> None:
        self._permissions = permissions
        self._secret = ""

    async def begin(self) -> None:
        """The operator declares it."""
        body = json.dumps({"name": SOURCE}).encode()
        found, answer = await self._permissions.post("sources", body, self._permissions.operator)
        assert found == 200, answer
        self._secret = answer["secret"]

    async def tell(self, *facts: bytes) -> ConsistencyToken:
        """Facts, and that these are all there are by now; the position at which they hold."""
        beat = heartbeat(SOURCE, datetime.now(UTC).isoformat())
        found, answer = await self._permissions.post("facts", b"\n".join([*facts, beat]), self._secret)
        assert (found, answer.get("refused")) == (200, []), answer
        return ConsistencyToken.parse(answer["token"])


@asynccontextmanager
async def watching(client: TestClient[Any, Any], auth: str) -> AsyncIterator[list[int]]:
    """Every answer that somebody gets meanwhile who asks without a pause."""
    seen: list[int] = []

    async def ask() -> None:
        while True:
            seen.append(await status(client, "GET", PULL, auth))

    task = asyncio.create_task(ask())
    try:
        yield seen
    finally:
        task.cancel()
        await asyncio.wait([task])


async def test_nobody_gets_more_while_a_source_tells_again(
    permissions: PermissionsProcess, postgres: PostgresForTests, tmp_path: Path
) -> None:
    """Carol is removed after the backup, and asks all the time: before the bump, after it, while all is told anew."""
    bridge = Bridge(permissions)
    await bridge.begin()
    await bridge.tell(*FACTS)
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
        removed = await bridge.tell(REMOVAL)
        assert await gateway.follower.reached(removed, 30.0)
        await until(lambda: reported(permissions, gateway, removed))

        async with watching(client, carol) as seen:
            await permissions.stop()
            permissions.configure({"DATABASE_URL": backup})
            permissions.spawn()
            await until(lambda: complains(permissions))
            assert await bump(permissions, current=False) == removed.epoch + 1
            await until_true(lambda: (here := gateway.follower.replica) is not None and here.epoch > removed.epoch)
            for fact in (*FACTS, REMOVAL):
                await bridge.tell(fact)
            kept = [fact for fact in FACTS if b"scm." in fact and b'"present":true' not in fact]
            await bridge.tell(*whole("again", len(FACTS) + 1, kept))
            await until(lambda: is_so(status(client, "GET", PULL, bob, str(removed)), 200))
            told = len(seen)
            await until_true(lambda: len(seen) > told + 10)
        assert set(seen) <= {404, 503}
        assert await status(client, "GET", PULL, carol, str(removed)) == 404
    await permissions.kill()
    await postgres.drop(backup)
