"""Wires the permissions service; the only module that builds its adapters."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from importlib.resources import files
from typing import Final

from aiohttp import web
from prometheus_client import CollectorRegistry

from moorage.access import wire
from moorage.access.problems import NotFound
from moorage.permissions.adapters.kafka import KafkaStreams
from moorage.permissions.adapters.pepper import FilePepper
from moorage.permissions.apply import Apply
from moorage.permissions.authority import LocalAuthority, answering
from moorage.permissions.batches import Record
from moorage.permissions.consumer import Consumer, StoredPositions
from moorage.permissions.credentials import Authentication
from moorage.permissions.http.application import Services, internal_app
from moorage.permissions.ports import Ledger, LedgerUnavailable, Pepper
from moorage.permissions.postgres.ledger import PostgresLedger
from moorage.permissions.settings import PermissionsSettings
from moorage.permissions.sources import KAFKA, LOCAL, SourceDeclarations
from moorage.runtime.clock import Clock, SystemClock
from moorage.runtime.health import Health
from moorage.runtime.migrations import migrate
from moorage.runtime.postgres import Database
from moorage.runtime.schema_role import ensure_schema_role

SCHEMA: Final = "permissions"


class Permissions:
    """The service over an open ledger. `authority` answers gateways and feeds replicas."""

    def __init__(self, ledger: Ledger, pepper: Pepper, clock: Clock, settings: PermissionsSettings) -> None:
        self._ledger = ledger
        self._settings = settings
        self._apply = Apply(ledger, clock)
        self._authentication = Authentication(ledger, pepper, clock)
        self._declarations = SourceDeclarations(ledger, pepper, clock)
        self.authority = LocalAuthority(ledger, pepper, clock)
        self.registry = CollectorRegistry()
        self.health = Health({"database": self._database})

    def internal_app(self) -> web.Application:
        """The internal listener: facts, operations, snapshots, changes, health. Never on a public address (R151)."""
        return internal_app(
            Services(
                self._ledger,
                self.authority,
                self._apply,
                self._authentication,
                self._declarations,
                self.health,
                self.registry,
            ),
            self._settings.service_token,
        )

    async def _database(self) -> str | None:
        try:
            await self._ledger.head()
        except LedgerUnavailable:
            return "PostgreSQL can't be reached"
        return None

    async def bootstrap(self) -> str | None:
        """Once in the life of a database: the operator's secret, shown by whoever calls this; later None."""
        with answering():
            return await self._declarations.bootstrap()

    async def follow(self, bootstrap: str) -> Consumer:
        """A consumer of the fact topics; the first start declares one source for everything in them."""
        settings = self._settings
        topics = [settings.authority_topic, settings.identity_topic]
        positions = StoredPositions(self._ledger)
        streams = KafkaStreams(bootstrap, settings.kafka_group, topics, positions)
        await self._declarations.ensure(KAFKA)
        return Consumer(self._ledger, self._apply, streams)

    async def ingest(self, lines: Sequence[bytes], source: str = LOCAL.name) -> wire.IngestAnswer:
        """Applies facts, one CloudEvent each, as a source that is declared. Raises FactsRefused, NotFound."""
        with answering():
            async with self._ledger.viewing() as view:
                found = await view.sources.named(source)
            if found is None:
                raise NotFound(f"no source {source!r} is declared")
            records = [Record(number, line) for number, line in enumerate(lines, 1)]
            return await self._apply.over_http(found, records)


async def migrate_permissions(dsn: str) -> str | None:
    """Brings the schema to the version of the code; answers the role that owns it."""
    role = await ensure_schema_role(dsn, SCHEMA)
    await migrate(dsn, SCHEMA, files("moorage.permissions.postgres") / "migrations", role=role)
    return role


@asynccontextmanager
async def open_permissions(settings: PermissionsSettings, clock: Clock | None = None) -> AsyncIterator[Permissions]:
    """Migrates, opens, and consumes facts from Kafka if it is configured; closed when the body ends."""
    dsn = settings.database_url.get_secret_value()
    clock = clock or SystemClock()
    pepper = FilePepper.open(settings.secrets_dir)
    role = await migrate_permissions(dsn)
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(
            await Database.open(dsn, SCHEMA, role=role, size=settings.database_connections)
        )
        permissions = Permissions(PostgresLedger(database, clock), pepper, clock, settings)
        permissions.health.started()
        if settings.kafka_bootstrap is not None:
            await stack.enter_async_context(await permissions.follow(settings.kafka_bootstrap))
        yield permissions
