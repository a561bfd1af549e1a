"""The connection to PostgreSQL ends at any byte of an answer: whoever asks is told 503, no batch is half applied."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import asyncpg
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from pydantic import SecretStr

from faults.cutting_proxy import CuttingProxy, cutting_proxy
from faults.waiting import until_true
from moorage.access import wire
from moorage.access.action import Action
from moorage.access.principal import Identity, Principal, PrincipalKind
from moorage.permissions.adapters.pepper import FilePepper
from moorage.permissions.app import Permissions, migrate_permissions
from moorage.permissions.postgres.ledger import PostgresLedger
from moorage.permissions.settings import PermissionsSettings
from moorage.runtime.clock import SystemClock
from moorage.runtime.postgres import Database
from permissions.sample_facts import small_workspace, user, uuid_of
from servers.postgres import PostgresForTests

TOKEN = "a-service-token-of-the-test"
BYTES = 16_000
"""More than PostgreSQL says to whoever asks one thing over a new connection."""
STRIDE = 127
"""Between one cut and the next: a prime, so that cuts fall at every place of a message."""


@dataclass
class Scene:
    """A served application whose every connection to PostgreSQL goes through the proxy."""

    client: TestClient[web.Request, web.Application]
    database: Database
    proxy: CuttingProxy
    operator: str
    dsn: str

    async def post(self, operation: str, body: bytes) -> int:
        """The status of an answer."""
        token = self.operator if operation == "facts" else TOKEN
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        async with self.client.post(f"/internal/v1/{operation}", data=body, headers=headers) as response:
            await response.read()
            return response.status

    async def known(self, number: int) -> int:
        """How many of a batch's users are there, asked past the proxy."""
        connection = await asyncpg.connect(self.dsn)
        try:
            names = [f"{each}-{number}" for each in ("ann", "ben", "cat")]
            found = await connection.fetchval(
                "SELECT count(*) FROM permissions.principal WHERE account = ANY($1)", names
            )
            return int(found)
        finally:
            await connection.close()


@asynccontextmanager
async def scene(postgres: PostgresForTests, folder: Path) -> AsyncIterator[Scene]:
    """With a small workspace in it."""
    dsn = await postgres.fresh_database(await postgres.template("permissions", migrate_permissions))
    parts = urlsplit(dsn)
    options = parse_qs(parts.query)
    socket = Path(options["host"][0]) / f".s.PGSQL.{options['port'][0]}"
    login = parts.netloc.partition("@")[0]
    async with cutting_proxy(socket) as proxy:
        through = f"postgresql://{login}@127.0.0.1:{proxy.port}{parts.path}"
        async with await Database.open(through, "permissions", size=2) as database:
            settings = PermissionsSettings(
                database_url=SecretStr(dsn), secrets_dir=folder, service_token=SecretStr(TOKEN)
            )
            ledger = PostgresLedger(database, SystemClock())
            permissions = Permissions(ledger, FilePepper(b"k" * 32), SystemClock(), settings)
            secret = await permissions.operator(folder / "operator.json")
            async with TestClient(TestServer(permissions.internal_app())) as client:
                made = Scene(client, database, proxy, secret, dsn)
                assert await made.post("facts", b"\n".join(small_workspace())) == 200
                yield made
    await postgres.drop(dsn)


@pytest.fixture
async def site(postgres: PostgresForTests, tmp_path: Path) -> AsyncIterator[Scene]:
    """See `scene`."""
    async with scene(postgres, tmp_path) as made:
        yield made


def batch(number: int) -> bytes:
    """Three users whom nobody has told of yet."""
    return b"\n".join(user(f"{each}-{number}", version=1) for each in ("ann", "ben", "cat"))


def question() -> bytes:
    """A check."""
    identity = wire.IdentityBody.of(Identity(Principal(PrincipalKind.USER, uuid_of("user", "bob"))))
    request = wire.CheckRequest(identity=identity, workspace="acme", image="hello/app", action=Action.PUSH)
    return request.model_dump_json(exclude_none=True).encode()


async def test_a_batch_is_whole_or_not_there_wherever_the_connection_is_cut(site: Scene) -> None:
    """And what was acknowledged is there."""
    statuses = set[int]()
    for at in range(0, BYTES, STRIDE):
        site.proxy.cut_after(at)
        status = await site.post("facts", batch(at))
        statuses.add(status)
        cut = site.proxy.cuts
        site.proxy.spare()
        count = await site.known(at)
        assert (status, count) in {(200, 3), (503, 0), (503, 3)}, (at, cut)
    assert statuses == {200, 503}


@pytest.mark.parametrize("operation", ["check", "first_push", "list_images", "explain"])
async def test_a_question_is_answered_or_503_wherever_the_connection_is_cut(site: Scene, operation: str) -> None:
    """Never 500."""
    statuses = set[int]()
    for at in range(0, BYTES // 2, STRIDE):
        site.proxy.cut_after(at)
        statuses.add(await site.post(operation, _body(operation)))
        site.proxy.spare()
    assert statuses == {200, 503}


def _body(operation: str) -> bytes:
    identity = wire.IdentityBody.of(Identity(Principal(PrincipalKind.USER, uuid_of("user", "bob"))))
    who = identity.model_dump_json(exclude_none=True).encode()
    name = b'"workspace": "acme", "image": "hello/app"'
    match operation:
        case "check":
            return question()
        case "first_push":
            return b'{"identity": %s, %s}' % (who, name)
        case "explain":
            return b'{"identity": %s, %s, "action": "pull"}' % (who, name)
    return b'{"identity": %s, "workspace": "acme"}' % who


@pytest.mark.parametrize("operation", ["facts", "check"])
async def test_a_server_that_has_said_goodbye_is_unavailable(site: Scene, operation: str) -> None:
    """Its last words have arrived and the end of the connection has not: asyncpg is confused, we are not."""
    site.proxy.hold_ends()
    killer = await asyncpg.connect(site.dsn)
    ended = await killer.fetchval(
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = 'moorage permissions'"
    )
    await until_true(lambda: site.proxy.held == ended)
    body = batch(0) if operation == "facts" else question()
    assert await site.post(operation, body) == 503
    site.proxy.tell_ends()
    assert await site.post(operation, body) == 200
    await killer.close()
