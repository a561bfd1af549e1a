"""Source, Kafka, permissions and stream are frozen in turn: exact tiers and codes at a real gateway (§3.3, §3.7)."""

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import asyncpg
from aiohttp.test_utils import TestClient, TestServer
from prometheus_client import CollectorRegistry

from contracts.storage_parts import MemoryStorage
from faults.cutting_proxy import CuttingProxy, cutting_proxy
from faults.fact_topics import fact_topics
from faults.permissions_process import PermissionsProcess
from faults.test_cut_streams import personal_token
from faults.waiting import until, until_true
from moorage.gateway.adapters.authority_client import AuthorityClient
from moorage.gateway.app import Gateway, open_gateway
from moorage.gateway.settings import GatewaySettings
from moorage.runtime.clock import Clock, FixedClock
from moorage.runtime.statement import Connection
from permissions.sample_facts import grant, small_workspace
from permissions.test_authority_age import NOON
from permissions.test_authority_age import Town as SlowTown
from servers.fact_source import KafkaSource
from servers.kafka import KafkaBroker

PULL, UPLOADS = "/v2/acme/hello/api/tags/list", "/v2/acme/hello/api/blobs/uploads/"
DELETE = "/v2/acme/hello/api/manifests/1"


class WallClock:
    """The machine's clock, moved on where minutes would have to pass."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._began = self._loop.time()
        self._moved = FixedClock(datetime.now(UTC))

    def now(self) -> datetime:
        """See Clock."""
        return self._moved.now() + timedelta(seconds=self._loop.time() - self._began)

    def monotonic(self) -> float:
        """See Clock."""
        return self._moved.monotonic() + self._loop.time() - self._began

    def advance(self, seconds: float) -> None:
        """Moves on."""
        self._moved.advance(timedelta(seconds=seconds))


@dataclass
class Town:
    """A gateway over HTTP. Its stream comes through a proxy, and so do the authority's answers, by another one."""

    stream: CuttingProxy
    gateway: Gateway
    client: TestClient[Any, Any]
    registry: CollectorRegistry
    auth: str

    async def ask(self, method: str, path: str) -> tuple[int, str | None, str | None]:
        """Status, Retry-After and the code of an answer."""
        async with self.client.request(method, path, headers={"Authorization": self.auth}) as response:
            code = None
            if response.status >= 400:
                code = (await response.json(content_type=None))["errors"][0]["code"]
            return response.status, response.headers.get("Retry-After"), code

    async def statuses(self) -> list[int]:
        """Of a pull, of the beginning of a push, and of a deletion; what is 503 is so in every detail."""
        found = []
        for method, path in (("GET", PULL), ("POST", UPLOADS), ("DELETE", DELETE)):
            status, retry, code = await self.ask(method, path)
            assert (status != 503) or (retry, code) == ("5", "UNAVAILABLE")
            found.append(status)
        return found

    def age(self) -> float:
        """How old what is known of the workspace is."""
        replica = self.gateway.follower.replica
        return self.gateway.follower.staleness(replica.workspace("acme") if replica else None)

    def asked(self) -> float:
        """How often the authority has answered."""
        return self.registry.get_sample_value("moorage_gateway_authority_seconds_count") or 0.0


@asynccontextmanager
async def town_of(
    url: str, token: str, clock: Clock, folder: Path, operator: str, **settings: float
) -> AsyncIterator[Town]:
    """A gateway that has loaded the small workspace, whose bob has pushed once; he shows his token."""
    async with (
        cutting_proxy(int(url.rpartition(":")[2].rstrip("/"))) as stream,
        aiohttp.ClientSession() as session,
    ):
        authority = AuthorityClient(session, url, token)
        feed = AuthorityClient(session, f"http://127.0.0.1:{stream.port}", token)
        configured = {"secrets_dir": folder / "keys", "shadow_percent": 0, "token_seconds": 3600, **settings}
        own = GatewaySettings.model_validate(configured)
        registry = CollectorRegistry()
        async with open_gateway(own, authority, feed, MemoryStorage().content, clock=clock) as gateway:
            gateway.internal_app(registry)
            async with TestClient(TestServer(gateway.public_app())) as client:
                await until_true(lambda: gateway.follower.ready)
                town = Town(stream, gateway, client, registry, "")
                town.auth = await personal_token(authority, Operator(operator), "bob")  # type: ignore[arg-type] # what it uses
                await until(lambda: is_status(town, "POST", UPLOADS, 202))
                await until(lambda: is_status(town, "GET", PULL, 200))
                town.auth = await bearer(client, town.auth)
                yield town


@dataclass(frozen=True)
class Operator:
    """Whose secret mints tokens."""

    operator: str


async def bearer(client: TestClient[Any, Any], basic: str) -> str:
    """A bearer token for everything with the image: whose it is need not be asked again."""
    query = {"service": "moorage", "scope": "repository:acme/hello/api:*"}
    async with client.get("/token", params=query, headers={"Authorization": basic}) as response:
        assert response.status == 200, await response.text()
        return f"Bearer {(await response.json())['token']}"


async def is_status(town: Town, method: str, path: str, status: int) -> bool:
    """Whether this is answered."""
    return (await town.ask(method, path))[0] == status


async def test_the_source_is_frozen(tmp_path: Path) -> None:
    """No heartbeats. The authority is no help: it judges its own age. A heartbeat makes all well."""
    slow = SlowTown(tmp_path)
    site = await slow.begin()
    async with TestServer(slow.permissions.internal_app()) as server:
        url = str(server.make_url("/")).rstrip("/")
        async with town_of(url, "between services", slow.clock, tmp_path, site.operator_secret) as town:
            passed = 0.0
            for age, expected in (
                (4, [200, 202, 404]),
                (29, [200, 202, 404]),
                (119, [200, 202, 404]),
                (121, [200, 503, 503]),
                (299, [200, 503, 503]),
                (301, [503, 503, 503]),
            ):
                slow.pass_seconds(age - passed)
                passed = age
                await until_true(lambda: town.gateway.follower.age == 0.0)
                assert await town.statuses() == expected, age
            await slow.beat()
            await until(lambda: is_status(town, "GET", PULL, 200))
            assert (slow.clock.now() - NOON).total_seconds() == 301


async def test_the_stream_is_frozen(permissions: PermissionsProcess, tmp_path: Path) -> None:
    """Nothing comes by it, and permissions can be asked: what is too old here is decided there, and nothing is 503."""
    await tell(permissions, *small_workspace())
    clock = WallClock()
    async with town_of(permissions.url, permissions.token, clock, tmp_path, permissions.operator) as town:
        town.stream.stall()
        passed = 0.0
        for age, questions in ((20, 1), (100, 2), (400, 3)):
            clock.advance(age - passed)
            passed = age
            before = town.asked()
            assert await town.statuses() == [200, 202, 404], age
            # Denials are confirmed as well: a deletion of what is not there is none.
            assert town.asked() - before == questions, age
        town.stream.go_on()
        await until_true(lambda: town.age() < 5)


async def test_permissions_is_frozen(permissions: PermissionsProcess, tmp_path: Path) -> None:
    """SIGSTOP: connections stay open and nobody answers. What may be local goes on until its bound, no longer."""
    await tell(permissions, *small_workspace())
    clock = WallClock()
    async with town_of(permissions.url, permissions.token, clock, tmp_path, permissions.operator) as town:
        permissions.freeze()
        try:
            passed = 0.0
            for age, expected in (
                (0, [200, 202, 503]),
                (35, [200, 503, 503]),
                (125, [200, 503, 503]),
                (310, [503, 503, 503]),
            ):
                clock.advance(age - passed)
                passed = age
                assert await town.statuses() == expected, town.age()
        finally:
            permissions.thaw()
        await until(lambda: is_status(town, "GET", PULL, 200))


async def tell(permissions: PermissionsProcess, *facts: bytes) -> None:
    """Facts by hand."""
    status, answer = await permissions.post("facts", b"\n".join(facts), permissions.operator)
    assert status == 200, answer


async def test_kafka_is_frozen(kafka: KafkaBroker, fresh_dsn: str, tmp_path: Path) -> None:
    """SIGSTOP on the broker: lanes stand still, and past the bounds the authority refuses as well; then all is well."""
    names = ("fresh", "aging", "push", "pull", "public")
    async with fact_topics(kafka) as topics:
        process = PermissionsProcess(tmp_path / "permissions", fresh_dsn, kafka.bootstrap, topics.names)
        process.configure({f"STALENESS_{name.upper()}": "6" for name in names})
        await process.start()
        try:
            async with KafkaSource(kafka.bootstrap, topics.names) as source:
                await source.tell([json.loads(fact) for fact in small_workspace()])
                await until(lambda: knows(process, "acme"))
                low = {f"staleness_{name}": 6.0 for name in names}
                async with town_of(process.url, process.token, WallClock(), tmp_path, process.operator, **low) as town:
                    await until(lambda: are(town, [200, 202, 404]))
                    os.kill(kafka.pid, signal.SIGSTOP)
                    try:
                        await until_true(lambda: town.age() > 6.5)
                        assert town.gateway.follower.age < 6
                        assert await town.statuses() == [503, 503, 503]
                    finally:
                        os.kill(kafka.pid, signal.SIGCONT)
                    await until(lambda: are(town, [200, 202, 404]))
        finally:
            await process.kill()


async def are(town: Town, expected: list[int]) -> bool:
    """Whether this is answered."""
    return await town.statuses() == expected


async def knows(permissions: PermissionsProcess, slug: str) -> bool:
    """Whether permissions has heard of the workspace, and all its lanes have told."""
    body = {"identity": {"kind": "anonymous"}, "workspace": slug, "image": "hello/api", "action": "pull"}
    status, _ = await permissions.post("check", json.dumps(body).encode())
    return status == 200


async def test_a_gateway_that_was_away_for_too_long_starts_anew(fresh_dsn: str, tmp_path: Path) -> None:
    """The log has forgotten where it was (410): it takes a snapshot, and misses nothing."""
    permissions = PermissionsProcess(tmp_path / "permissions", fresh_dsn)
    await permissions.start()
    await tell(permissions, *small_workspace())
    try:
        async with town_of(permissions.url, permissions.token, WallClock(), tmp_path, permissions.operator) as town:
            before = town.gateway.follower.replica
            await permissions.stop()
            permissions.configure({"CHANGE_LOG_RETENTION": "PT0.000001S"})
            await permissions.start()
            connection = await asyncpg.connect(fresh_dsn)
            try:
                town.stream.stall()
                await tell(permissions, grant("repository:hello", "user:mia", "read"))
                await permissions.stop()
                await permissions.start()
                await until(lambda: forgotten(connection))
            finally:
                await connection.close()
            await tell(permissions, grant("repository:hello", "user:olga", "read"))
            town.stream.cut_after(0)
            town.stream.go_on()
            await until_true(lambda: town.gateway.follower.replica is not before and town.gateway.follower.ready)
            assert await town.statuses() == [200, 202, 404]
    finally:
        await permissions.kill()


async def forgotten(connection: Connection) -> bool:
    """Whether the log is empty."""
    return not await connection.fetchval("SELECT count(*) FROM permissions.change_frame")
