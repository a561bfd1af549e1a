"""The internal listener: who is let in, what is refused, and that no input is ever answered 5xx."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from io import BytesIO
from pathlib import Path

import pytest
from aiohttp import ClientError, ClientResponse, web
from aiohttp.test_utils import TestClient, TestServer
from pydantic import SecretStr

from moorage.access import wire
from moorage.access.packed import unpack
from moorage.access.principal import NOBODY, Identity, Principal, PrincipalKind
from moorage.permissions.adapters.pepper import FilePepper
from moorage.permissions.app import Permissions
from moorage.permissions.http.operations import OPERATIONS
from moorage.permissions.memory.ledger import MemoryLedger
from moorage.permissions.ports import Ledger
from moorage.permissions.postgres.ledger import PostgresLedger
from moorage.permissions.settings import PermissionsSettings
from moorage.runtime.clock import SystemClock
from moorage.runtime.health import Health
from permissions.sample_facts import small_workspace, user, uuid_of, workspace

TOKEN = "a-service-token-of-the-test"
GATEWAY = {"Authorization": f"Bearer {TOKEN}"}
FACTS = "/internal/v1/facts"
IDENTITY_OF_BOB = wire.IdentityBody.of(Identity(Principal(PrincipalKind.USER, uuid_of("user", "bob"))))


class Listener:
    """A served application, and the operator's headers."""

    def __init__(self, client: TestClient[web.Request, web.Application], secret: str) -> None:
        self.client = client
        self.operator = {"Authorization": f"Bearer {secret}"}

    async def facts(self, *lines: bytes, headers: dict[str, str] | None = None) -> ClientResponse:
        """A batch by the operator, or by whoever the headers say."""
        return await self.client.post(FACTS, data=b"\n".join(lines), headers=headers or self.operator)

    async def declare(self, **members: object) -> dict[str, str]:
        """A source's headers."""
        answer = await self.client.post("/internal/v1/sources", json=members, headers=self.operator)
        assert answer.status == 200, await answer.text()
        return {"Authorization": f"Bearer {(await answer.json())['secret']}"}


@asynccontextmanager
async def listening(ledger: Ledger, folder: Path) -> AsyncIterator[Listener]:
    """A listener over a ledger."""
    settings = PermissionsSettings(
        database_url=SecretStr("postgresql://"), secrets_dir=folder, service_token=SecretStr(TOKEN)
    )
    permissions = Permissions(ledger, FilePepper(b"k" * 32), SystemClock(), settings)
    permissions.health.started()
    secret = await permissions.operator(folder / "operator.json")
    async with TestClient(TestServer(permissions.internal_app())) as client:
        yield Listener(client, secret)


@pytest.fixture
async def listener(tmp_path: Path) -> AsyncIterator[Listener]:
    """A listener over memory."""
    async with listening(MemoryLedger(), tmp_path) as found:
        yield found


@pytest.fixture
async def postgres_listener(postgres_ledger: PostgresLedger, tmp_path: Path) -> AsyncIterator[Listener]:
    """A listener over PostgreSQL, which keeps fewer texts than Python does."""
    async with listening(postgres_ledger, tmp_path) as found:
        yield found


async def test_facts_are_answered_with_counts_and_a_token(listener: Listener) -> None:
    """H3."""
    answer = await listener.facts(*small_workspace())
    assert answer.status == 200
    body = await answer.json()
    assert body["applied"] == len(small_workspace())
    assert body["refused"] == []
    assert body["token"].startswith("zt1.1.")


async def test_blank_lines_and_carriage_returns_are_no_facts(listener: Listener) -> None:
    """People write files with editors."""
    answer = await listener.facts(b"", workspace() + b"\r", b"  ", user("bob"), b"")
    assert (await answer.json())["applied"] == 2


async def test_a_bad_line_by_hand_names_its_number(listener: Listener) -> None:
    """H4: nothing is applied."""
    answer = await listener.facts(workspace(), b"", b"{}", user("bob"))
    assert answer.status == 422
    assert answer.content_type == "application/problem+json"
    body = await answer.json()
    assert body["type"] == "https://moorage.dev/problems/facts-refused"
    assert [(each["line"], each["reason"]) for each in body["refused"]] == [(3, "envelope")]
    assert (await (await listener.facts(workspace())).json())["applied"] == 1


async def test_a_declared_source_sends_its_facts(listener: Listener) -> None:
    """By its own credential; a refused line of a continuous source stops nothing (H4)."""
    headers = await listener.declare(name="bitbucket:acme", kind="continuous")
    answer = await listener.facts(workspace(version=1), b"poison", headers=headers)
    assert answer.status == 200
    body = await answer.json()
    assert (body["applied"], [each["line"] for each in body["refused"]]) == (1, [2])


async def test_a_source_can_not_speak_for_another(listener: Listener) -> None:
    """Nor declare sources."""
    headers = await listener.declare(name="bridge")
    answer = await listener.client.post(f"{FACTS}?source=local", data=workspace(), headers=headers)
    assert answer.status == 403
    answer = await listener.client.post("/internal/v1/sources", json={"name": "x"}, headers=headers)
    assert answer.status == 403


@pytest.mark.parametrize(
    "members",
    [
        {"name": "Bridge"},
        {"name": "two words"},
        {"name": "-bridge"},
        {"name": "bridge\n"},
        {"name": "b" * 64},
        {"name": ""},
        {"name": "bridge", "mode": "events"},
        {"name": "bridge", "mode": "no poll"},
    ],
    ids=lambda members: ascii(members),
)
async def test_a_source_is_declared_in_the_known_words(listener: Listener, members: dict[str, str]) -> None:
    """The whole name and the whole mode, not a part of them."""
    answer = await listener.client.post("/internal/v1/sources", json=members, headers=listener.operator)
    assert answer.status == 422, await answer.text()


async def test_the_operator_sees_what_is_declared(listener: Listener) -> None:
    """In order, as declared, and without secrets; a source does not see the others."""
    acme = str(uuid_of("workspace", "acme"))
    bridge = await listener.declare(name="bridge", mode="poll", workspaces=[acme], types=["b", "a"])
    answer = await listener.client.get("/internal/v1/sources", headers=listener.operator)
    assert answer.status == 200
    local, declared = (await answer.json())["sources"]
    assert (local["name"], local["kind"], local["workspaces"], local["types"]) == ("local", "manual", None, None)
    assert declared == {
        "id": declared["id"],
        "name": "bridge",
        "kind": "continuous",
        "transport": "http",
        "mode": "poll",
        "event_source": None,
        "workspaces": [acme],
        "types": ["a", "b"],
        "bounds": {},
    }
    assert (await listener.client.get("/internal/v1/sources", headers=bridge)).status == 403


async def test_the_operator_asks_for_ids_by_names(listener: Listener) -> None:
    """Of what facts have announced; nobody else may ask."""
    await listener.facts(*small_workspace())

    async def ask(query: str, headers: dict[str, str]) -> tuple[int, dict[str, object]]:
        answer = await listener.client.get(f"/internal/v1/ids?{query}", headers=headers)
        return answer.status, await answer.json()

    status, ids = await ask("workspace=acme&repository=hello&user=bob", listener.operator)
    assert status == 200
    assert ids == {
        "workspace": str(uuid_of("workspace", "acme")),
        "repository": str(uuid_of("repository", "hello")),
        "user": str(uuid_of("user", "bob")),
    }
    for query in ("workspace=none", "workspace=acme&repository=none", "user=none", "user=%00"):
        assert (await ask(query, listener.operator))[0] == 404
    for query in ("repository=hello", "user=bob&user=carol", "group=developers"):
        assert (await ask(query, listener.operator))[0] == 422
    assert (await ask("user=bob", await listener.declare(name="bridge")))[0] == 403


async def test_a_personal_token_sends_no_facts(listener: Listener) -> None:
    """Facts are for services."""
    await listener.facts(*small_workspace())
    operator = listener.operator["Authorization"].removeprefix("Bearer ")
    identity = (await (await post(listener, "authenticate", {"secret": operator})).json())["identity"]
    request = {"identity": identity, "user": "bob", "spec": {"name": "x"}}
    secret = (await (await post(listener, "create_token", request)).json())["secret"]
    answer = await listener.facts(workspace(), headers={"Authorization": f"Bearer {secret}"})
    assert answer.status == 403


async def post(listener: Listener, operation: str, body: object) -> ClientResponse:
    """An operation, asked by a gateway."""
    return await listener.client.post(f"/internal/v1/{operation}", json=body, headers=GATEWAY)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 422),
        (b"\n\n", 422),
        (b"{}\n" * 1001, 413),
        (b"\n" * 5000, 413),
        (b"x" * (8 * 1024 * 1024 + 1), 413),
        (b"\xff\xfe", 422),
        (b"[" * 200_000, 422),
        (b'{"a":' * 100_000, 422),
    ],
    ids=["empty", "blank", "1001 lines", "5000 breaks", "8 MiB and 1", "not text", "lists", "objects"],
)
async def test_bad_batches_are_refused(listener: Listener, body: bytes, status: int) -> None:
    """Within the limits of H1 and §2.3."""
    answer = await listener.client.post(FACTS, data=BytesIO(body), headers=listener.operator)
    assert answer.status == status
    assert answer.content_type == "application/problem+json"


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize(
    "body",
    [b"", b"null", b"[]", b"{", b'{"a":NaN}', b'{"identity":7}', b"\xff", b"[" * 100_000, b'{"x":"' + b"y" * 300_000],
    ids=["empty", "null", "list", "half", "NaN", "number", "latin", "deep", "large"],
)
async def test_bad_bodies_of_operations_are_refused(listener: Listener, operation: str, body: bytes) -> None:
    """Never 5xx for an input."""
    answer = await listener.client.post(f"/internal/v1/{operation}", data=body, headers=GATEWAY)
    assert answer.status in (413, 422)
    assert answer.content_type == "application/problem+json"


@pytest.mark.parametrize("text", ["a\0b", "\ud800", "x" * 5000, "../..", "é", "", "a/b/c", "%00", "'; --"])
async def test_strange_names_are_only_names(postgres_listener: Listener, text: str) -> None:
    """Nothing is found under them, and nothing breaks."""
    listener = postgres_listener
    await listener.facts(*small_workspace())
    secret = listener.operator["Authorization"].removeprefix("Bearer ")
    operator = (await (await post(listener, "authenticate", {"secret": secret})).json())["identity"]
    bob = IDENTITY_OF_BOB.model_dump(mode="json")
    identity = wire.IdentityBody.of(NOBODY).model_dump(mode="json")
    declared = await listener.client.post(
        "/internal/v1/sources", json={"name": "x", "event_source": text, "types": [text]}, headers=listener.operator
    )
    assert declared.status < 500
    for operation, body in {
        "create_image": {"identity": bob, "workspace": "acme", "image": "tools/x", "repository": text},
        "create_token": {"identity": operator, "user": text, "spec": {"name": "x"}},
        "list_tokens": {"identity": operator, "user": text},
        "set_workspace": {"identity": operator, "workspace": text},
        "find_workspace": {"identity": operator, "workspace": text},
        "list_catalog": {"identity": bob, "cursor": text},
        "check": {"identity": identity, "workspace": text, "image": text, "action": "pull"},
        "first_push": {"identity": identity, "workspace": "acme", "image": text},
        "find_image": {"identity": identity, "workspace": text, "image": text},
        "list_images": {"identity": identity, "workspace": text, "cursor": text},
        "explain": {"identity": identity, "workspace": text, "image": text, "action": "pull", "principal": text},
        "authenticate": {"secret": text},
    }.items():
        answer = await post(listener, operation, body)
        assert answer.status < 500, operation
    answer = await post(listener, "create_token", {"identity": operator, "user": "bob", "spec": {"name": text[:99]}})
    assert answer.status < 500


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer wrong"},
        {"Authorization": f"Basic {TOKEN}"},
        {"Authorization": "Bearer mrg_svc_" + "0" * 36},
        {"Authorization": "Bearer " + "x" * 5000},
    ],
    ids=["none", "empty", "wrong", "basic", "bad checksum", "long"],
)
@pytest.mark.parametrize("path", ["facts", "sources", "check", "snapshot", "changes", "ids"])
async def test_strangers_are_not_let_in(listener: Listener, path: str, headers: dict[str, str]) -> None:
    """Service-to-service calls are authenticated (R151)."""
    method = "GET" if path in ("snapshot", "changes", "ids") else "POST"
    answer = await listener.client.request(method, f"/internal/v1/{path}", headers=headers)
    assert answer.status == 401
    assert "WWW-Authenticate" in answer.headers


async def test_without_a_configured_token_no_gateway_is_let_in() -> None:
    """There is no default (R150)."""
    settings = PermissionsSettings(database_url=SecretStr("postgresql://"), secrets_dir=".")
    permissions = Permissions(MemoryLedger(), FilePepper(b"k" * 32), SystemClock(), settings)
    async with TestClient(TestServer(permissions.internal_app())) as client:
        for token in ("", "None", "null"):
            answer = await client.get("/internal/v1/snapshot", headers={"Authorization": f"Bearer {token}"})
            assert answer.status == 401


async def test_a_replica_starts_from_a_snapshot_and_follows(listener: Listener) -> None:
    """The stream's first line after a snapshot's position is a frame that begins there, or a beat."""
    await listener.facts(*small_workspace())
    answer = await listener.client.get("/internal/v1/snapshot", headers=GATEWAY)
    assert answer.content_type == "application/octet-stream"
    snapshot = unpack(await answer.read())
    assert snapshot.aliases
    for after in (f"1.{snapshot.seq}", f"zt1.1.{snapshot.seq}"):
        async with listener.client.get(f"/internal/v1/changes?after={after}", headers=GATEWAY) as stream:
            assert stream.status == 200
            assert stream.content_type == "application/x-ndjson"
            assert json.loads(await stream.content.readline())["k"] == "beat"


async def test_a_stopping_server_ends_its_streams(listener: Listener) -> None:
    """Their readers resume elsewhere; nobody waits for a stream that never ends."""
    stream = await listener.client.get("/internal/v1/changes?after=1.0", headers=GATEWAY)
    await stream.content.readline()
    async with asyncio.timeout(20):
        await listener.client.server.close()
    with pytest.raises(ClientError):
        await stream.content.read()


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("changes", 422),
        ("changes?after=x", 422),
        ("changes?after=1", 422),
        ("changes?after=1.-1", 422),
        ("changes?after=" + "9" * 50 + ".1", 422),
        ("changes?after=0.0", 410),
        ("changes?after=9.0", 503),
        ("changes?after=1.999999", 503),
        ("snapshot?workspace=acme", 422),
    ],
)
async def test_positions_are_checked(listener: Listener, path: str, status: int) -> None:
    """A position that is gone asks for a snapshot; one that is still to come shows that the ledger has lost changes."""
    answer = await listener.client.get(f"/internal/v1/{path}", headers=GATEWAY)
    assert answer.status == status


async def test_readiness_may_be_that_of_a_whole_process(tmp_path: Path) -> None:
    """What else is in it is asked as well."""

    async def away() -> str:
        return "away"

    settings = PermissionsSettings(database_url=SecretStr("postgresql://"), secrets_dir=tmp_path)
    permissions = Permissions(MemoryLedger(), FilePepper(b"k" * 32), SystemClock(), settings)
    whole = Health.joined(permissions.health, Health({"storage": away}))
    whole.started()
    async with TestClient(TestServer(permissions.internal_app(whole))) as client:
        answer = await client.get("/readyz")
        assert (answer.status, (await answer.json())["missing"]) == (503, {"storage": "away"})


async def test_health_is_open(listener: Listener) -> None:
    """Probes carry no credential."""
    for path in ("/livez", "/readyz"):
        assert (await listener.client.get(path)).status == 200
