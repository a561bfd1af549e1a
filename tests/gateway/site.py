"""A whole gateway on a loopback port, in front of a village and of storage in memory."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiohttp import ClientResponse, encode_basic_auth
from aiohttp.test_utils import TestClient, TestServer
from multidict import CIMultiDict

from contracts.storage_parts import MemoryStorage
from distribution.served import client_session, served
from faults.waiting import until_true
from gateway.village import Village
from gateway.village_order import beginning
from moorage.access.consistency import ORIGIN, ConsistencyToken
from moorage.access.image import Visibility
from moorage.access.role import Role
from moorage.distribution.client import DistributionClient
from moorage.distribution.content import Content
from moorage.gateway.access import Patience
from moorage.gateway.app import Gateway, open_gateway
from moorage.gateway.settings import GatewaySettings
from moorage.oci.digest import Digest
from moorage.runtime.clock import FixedClock
from moorage.storage.http.application import application

SERVICE_TOKEN = "mrg_svc_for_tests_only"
SOON = 5.0
IMPATIENT = Patience(load=SOON, catch_up=0.01, own_writes=SOON, insisted=0.01)
CONFIG = b"{}"
MANIFEST = json.dumps(
    {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": {
            "mediaType": "application/vnd.oci.empty.v1+json",
            "digest": str(Digest.of(CONFIG)),
            "size": len(CONFIG),
        },
        "layers": [],
    }
).encode()
MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"


@dataclass
class Answer:
    """Status, headers and body of an answer."""

    status: int
    headers: CIMultiDict[str]
    body: bytes

    @property
    def code(self) -> str:
        """The code of an error body."""
        return str(json.loads(self.body)["errors"][0]["code"])

    @property
    def reason(self) -> str | None:
        """The reason in the detail of an error body."""
        detail = json.loads(self.body)["errors"][0].get("detail") or {}
        return detail.get("reason")

    @property
    def json(self) -> Any:
        """The body."""
        return json.loads(self.body)


class Site:
    """What a test works with. Users: alice ADMIN, bob WRITE, carol READ on `ledger`; dave nothing; vera on `vault`."""

    def __init__(self, clock: FixedClock, village: Village, storage: MemoryStorage, gateway: Gateway) -> None:
        self.clock = clock
        self.village = village
        self.storage = storage
        self.gateway = gateway
        self.client: TestClient[Any, Any] = TestClient(TestServer(gateway.public_app()))
        self.secrets = {name: village.token(name) for name in ("alice", "bob", "carol", "dave", "vera")}

    async def ask(self, method: str, path: str, *, auth: str | None = None, **options: Any) -> Answer:
        """Sends a request; `auth` is the Authorization header."""
        headers = CIMultiDict(options.pop("headers", {}))
        if auth:
            headers.add("Authorization", auth)
        async with self.client.request(method, path, headers=headers, allow_redirects=False, **options) as response:
            return await _read(response)

    def basic(self, user: str) -> str:
        """The user's secret as Basic."""
        return encode_basic_auth(user, self.secrets[user])

    async def bearer(self, user: str, *scopes: str) -> str:
        """A bearer token that the user gets for the scopes."""
        params = [("service", "moorage"), *(("scope", scope) for scope in scopes)]
        answer = await self.ask("GET", "/token", auth=self.basic(user), params=params)
        assert answer.status == 200, answer
        return f"Bearer {answer.json['token']}"

    async def push(self, user: str, name: str, tag: str = "1") -> None:
        """Pushes a small image."""
        auth = self.basic(user)
        digest = Digest.of(CONFIG)
        stored = await self.ask("POST", f"/v2/{name}/blobs/uploads/?digest={digest}", auth=auth, data=CONFIG)
        assert stored.status == 201, stored
        assert (await self.put_manifest(auth, name, tag)).status == 201

    async def put_manifest(self, auth: str, name: str, tag: str) -> Answer:
        """Puts the manifest of the small image."""
        headers = {"Content-Type": MANIFEST_TYPE}
        return await self.ask("PUT", f"/v2/{name}/manifests/{tag}", auth=auth, data=MANIFEST, headers=headers)

    async def caught_up(self) -> None:
        """Waits until the gateway has seen everything."""
        assert await self.gateway.follower.reached(self.village.position, SOON)

    def is_known(self) -> bool:
        """Whether the fleet was told of the replica, and by that for how long the gateway decides in silence."""
        return any(ConsistencyToken.parse(each.applied) > ORIGIN for each in self.village.fleet.values())


async def _read(response: ClientResponse) -> Answer:
    return Answer(response.status, response.headers.copy(), await response.read())


@asynccontextmanager
async def open_site(folder: Path, *, apart: bool = False, **settings: Any) -> AsyncIterator[Site]:
    """A site whose gateway is at head; its storage is in the same process, or asked over HTTP as one that is apart."""
    clock = FixedClock(beginning())
    village = Village(clock)
    _populate(village)
    storage = MemoryStorage(clock)
    # A decision in a thousand would be asked again, and no test that counts questions expects one more.
    chosen = {"secrets_dir": folder, "public_url": "https://registry.example", "shadow_percent": 0, **settings}
    configured = GatewaySettings.model_validate(chosen)
    async with (
        _storage_apart(storage.content) if apart else nullcontext(storage.content) as content,
        open_gateway(configured, village, village, content, clock=clock, patience=IMPATIENT) as gateway,
    ):
        site = Site(clock, village, storage, gateway)
        async with site.client:
            await site.caught_up()
            await until_true(site.is_known)
            yield site


@asynccontextmanager
async def _storage_apart(content: Content) -> AsyncIterator[Content]:
    async with served(application(content, SERVICE_TOKEN)) as url, client_session() as session:
        yield DistributionClient(session, url, SERVICE_TOKEN)


def _populate(village: Village) -> None:
    village.repository("ledger")
    village.repository("vault")
    for name in ("alice", "bob", "carol", "dave", "vera"):
        village.user(name)
    village.grant("alice", "ledger", Role.ADMIN)
    village.grant("bob", "ledger", Role.WRITE)
    village.grant("carol", "ledger", Role.READ)
    village.grant("vera", "vault", Role.ADMIN)
    village.image("ledger/api", "ledger")
    village.image("ledger/open", "ledger", Visibility.PUBLIC)
    village.image("vault/secret", "vault")
