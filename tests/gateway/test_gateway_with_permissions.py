"""The gateway in front of the real permissions service, over HTTP and in process: same facts, same decisions."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any
from uuid import UUID

import aiohttp
import pytest
from aiohttp import encode_basic_auth
from aiohttp.test_utils import TestClient, TestServer

from contracts.storage_parts import MemoryStorage
from moorage.access import wire
from moorage.access.action import Action
from moorage.access.audit import Deed, FindDecisionRequest
from moorage.access.principal import Identity, Principal, PrincipalKind
from moorage.access.reason import Reason
from moorage.gateway.adapters.authority_client import AuthorityClient
from moorage.gateway.app import Gateway, open_gateway
from moorage.gateway.settings import GatewaySettings
from moorage.oci.reference import ImageName
from moorage.permissions.adapters.pepper import FilePepper
from moorage.permissions.app import Permissions
from moorage.permissions.memory.ledger import MemoryLedger
from moorage.permissions.settings import PermissionsSettings
from moorage.runtime.clock import SystemClock
from permissions.sample_facts import credential, grant, group_member, small_workspace, uuid_of

SERVICE_TOKEN = "between services"
ACCOUNTS = ("ada", "bob", "carol", "rita", "mia", "olga")
SOON = 5.0


class Town:
    """A whole registry, its bytes in memory."""

    def __init__(self, permissions: Permissions, gateway: Gateway, secret: str) -> None:
        self.permissions = permissions
        self.gateway = gateway
        self.client: TestClient[Any, Any] = TestClient(TestServer(gateway.public_app()))
        self._operator = secret

    async def login(self, account: str) -> str:
        """The Authorization header of a user with a fresh token."""
        authority = self.permissions.authority
        operator = await authority.authenticate(wire.AuthenticateRequest(secret=self._operator))
        request = wire.CreateTokenRequest(identity=operator.identity, user=account, spec=wire.TokenSpec(name="t"))
        return encode_basic_auth(account, (await authority.create_token(request)).secret)

    async def status(self, method: str, path: str, auth: str) -> int:
        """The status of an answer."""
        async with self.client.request(method, path, headers={"Authorization": auth}) as response:
            return response.status

    async def caught_up(self) -> None:
        """Waits until the gateway has seen everything."""
        head = await self.permissions.authority.snapshot(None)
        token = type(self.gateway.follower.replica.position)(head.epoch, head.seq)  # type: ignore[union-attr] # it has loaded
        assert await self.gateway.follower.reached(token, SOON)


@pytest.fixture(params=["in process", "over HTTP"])
async def town(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Town]:
    """The small workspace, with a gateway at its head."""
    configured = {"database_url": "postgresql://", "secrets_dir": ".", "service_token": SERVICE_TOKEN}
    settings = PermissionsSettings.model_validate(configured)
    permissions = Permissions(MemoryLedger(), FilePepper(b"k" * 32), SystemClock(), settings)
    secret = await permissions.operator(tmp_path / "operator.json")
    await permissions.ingest(small_workspace())
    async with AsyncExitStack() as stack:
        authority: Any = permissions.authority
        if request.param == "over HTTP":
            server = await stack.enter_async_context(TestServer(permissions.internal_app()))
            session = await stack.enter_async_context(aiohttp.ClientSession())
            authority = AuthorityClient(session, str(server.make_url("/")), SERVICE_TOKEN)
        gateway = await stack.enter_async_context(
            open_gateway(GatewaySettings(secrets_dir=tmp_path), authority, authority, MemoryStorage().content)
        )
        found = Town(permissions, gateway, secret)
        await stack.enter_async_context(found.client)
        assert await gateway.follower._until(lambda: gateway.follower.ready, SOON)
        yield found


async def test_replica_and_authority_decide_alike(town: Town) -> None:
    """For every user of the small workspace, every action, an image that is there and one that is not."""
    bob = await town.login("bob")
    assert await town.status("POST", "/v2/acme/hello/api/blobs/uploads/", bob) == 202
    logins = {account: await town.login(account) for account in ACCOUNTS}
    await town.caught_up()
    replica = town.gateway.follower.replica
    assert replica
    workspace = replica.workspace("acme")
    assert workspace
    for account, auth in logins.items():
        secret = aiohttp.BasicAuth.decode(auth).password
        answer = await town.permissions.authority.authenticate(wire.AuthenticateRequest(secret=secret))
        for action in Action:
            for name in ("hello/api", "hello/none", "none/x"):
                local = replica.decide(answer.identity.value(), workspace, name, action, SystemClock().now())
                check = wire.CheckRequest(identity=answer.identity, workspace="acme", image=name, action=action)
                head = await town.permissions.authority.check(check)
                if local.allowed and local.image is None:
                    assert head.reason == "record_missing"
                else:
                    assert (local.decision.reason, local.decision.readable, local.decision.role) == (
                        head.reason,
                        head.readable,
                        head.role,
                    ), (account, action, name)


async def test_a_fact_counts_at_the_next_request(town: Town) -> None:
    """Given and taken, by way of the change stream."""
    bob, mia = await town.login("bob"), await town.login("mia")
    path = "/v2/acme/hello/api/tags/list"
    assert await town.status("POST", "/v2/acme/hello/api/blobs/uploads/", bob) == 202
    assert await town.status("GET", path, mia) == 404
    await town.permissions.ingest([grant("repository:hello", "user:mia", "read", version=50)])
    await town.caught_up()
    assert await town.status("GET", path, mia) == 200
    carol = await town.login("carol")
    assert await town.status("GET", path, carol) == 200
    await town.permissions.ingest([group_member("developers", "carol", present=False)])
    await town.caught_up()
    assert await town.status("GET", path, carol) == 404


async def test_a_foreign_credential_revoked_at_the_api_stays_so_at_the_gateway(town: Town) -> None:
    """Its source renews it, with the same value and with another: neither the replica nor head lets it in again."""
    bob = await town.login("bob")
    assert await town.status("POST", "/v2/acme/hello/api/blobs/uploads/", bob) == 202
    laptop = uuid_of("credential", "laptop")
    await town.permissions.ingest([credential("laptop", "bob", version=100)])
    await town.caught_up()
    shown = Identity(Principal(PrincipalKind.USER, uuid_of("user", "bob")), laptop)
    name = ImageName.parse("acme/hello/api")
    assert (await town.gateway.access.decide(shown, name, Action.PULL)).allowed
    assert await town.status("DELETE", f"/api/v1/tokens/{laptop}", bob) == 204
    for version, scopes in ((101, ["image:write"]), (102, ["image:read"])):
        await town.permissions.ingest([credential("laptop", "bob", version=version, scopes=scopes)])
        await town.caught_up()
        outcome = await town.gateway.access.decide(shown, name, Action.PULL)
        assert outcome.decision.reason is Reason.CREDENTIAL_REVOKED
        assert town.gateway.access.revoked(shown) is Reason.CREDENTIAL_REVOKED


@pytest.mark.parametrize("wait", ["", "?wait=all"])
async def test_a_change_that_was_made_names_its_decision(town: Town, wait: str) -> None:
    """In a header, whose record the operator finds; the body has no word of it."""
    headers = {"Authorization": await town.login("bob")}
    assert await town.status("POST", "/v2/acme/hello/api/blobs/uploads/", headers["Authorization"]) == 202
    named = await (await town.client.get("/api/v1/images?name=acme/hello/api", headers=headers)).json()
    path = f"/api/v1/images/{named['images'][0]['id']}/visibility{wait}"
    answer = await town.client.put(path, json={"visibility": "workspace"}, headers=headers)
    assert answer.status in (200, 202)
    decision = UUID(answer.headers["Moorage-Decision-Id"])
    assert str(decision) not in await answer.text()
    authority = town.permissions.authority
    operator = (await authority.authenticate(wire.AuthenticateRequest(secret=town._operator))).identity
    record = await authority.find_decision(FindDecisionRequest(identity=operator, decision=decision))
    assert (record.deed, record.change) == (Deed.SET_IMAGE, {"visibility": "workspace"})
