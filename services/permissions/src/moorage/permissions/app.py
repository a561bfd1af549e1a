"""Wires the permissions service; the only module that builds its adapters."""

import gc
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import Final

import structlog
from aiohttp import web
from prometheus_client import CollectorRegistry
from yarl import URL

from moorage.access import wire
from moorage.access.problems import NotFound
from moorage.events.topics import AUTHORITY, IDENTITY
from moorage.permissions.adapters.kafka import KafkaStreams
from moorage.permissions.adapters.kafka_past import KafkaExtent
from moorage.permissions.adapters.operator_file import OperatorFile
from moorage.permissions.adapters.pepper import FilePepper
from moorage.permissions.aging import Aging
from moorage.permissions.apply import Apply
from moorage.permissions.authority import LocalAuthority, answering
from moorage.permissions.batches import Record
from moorage.permissions.consumer import Consumer, StoredPositions
from moorage.permissions.continuity import Continuity, ContinuousLedger
from moorage.permissions.credentials import Authentication
from moorage.permissions.epochs import Epochs
from moorage.permissions.http.application import Services, internal_app
from moorage.permissions.ingest_metrics import IngestMetrics
from moorage.permissions.metrics import AuditNumbers, ProtocolNumbers
from moorage.permissions.operator import Operator
from moorage.permissions.ports import Change, HistoryLost, Ledger, LedgerUnavailable, Pepper
from moorage.permissions.postgres.asking import STATEMENTS
from moorage.permissions.postgres.ledger import PostgresChange, PostgresLedger
from moorage.permissions.postgres.staged_edges import PostgresStaging
from moorage.permissions.rebuild import Rebuild, RebuiltLedger
from moorage.permissions.rebuilding.bulk import BulkRebuild, Where
from moorage.permissions.rebuilding.staging import BulkEdges
from moorage.permissions.rebuilding.streams import RebuiltFirst
from moorage.permissions.rebuilding.workers import WorkerProcesses
from moorage.permissions.reconcile.oversight import Oversight
from moorage.permissions.settings import PermissionsSettings
from moorage.permissions.source_requests import SourceRequests
from moorage.permissions.sources import KAFKA, LOCAL, SourceDeclarations
from moorage.permissions.topic_acceptance import TopicAcceptance
from moorage.permissions.topic_guard import TopicGuard
from moorage.permissions.upkeep import Upkeep
from moorage.runtime import private_file
from moorage.runtime.clock import Clock, SystemClock
from moorage.runtime.health import Health
from moorage.runtime.lifecycle import Stop
from moorage.runtime.metrics import HttpMetrics
from moorage.runtime.migrations import migrate
from moorage.runtime.postgres import Database
from moorage.runtime.schema_role import ensure_schema_role
from moorage.runtime.serving import Listener, serve

SCHEMA: Final = "permissions"
COLLECT_RARELY: Final = (100_000, 20, 20)
"""Batches of facts leave no cycles, and looking for some took a third of the time of applying them (measured)."""


class Permissions:
    """The service over an open ledger. `authority` answers gateways and feeds replicas."""

    def __init__(self, ledger: Ledger, pepper: Pepper, clock: Clock, settings: PermissionsSettings) -> None:
        # The operator gets in also while changes are lost: somebody must bump the epoch.
        self._authentication = Authentication(ledger, pepper, clock)
        self._operator = Operator(ledger, pepper, clock)
        continuity = Continuity()
        self._epochs = Epochs(ledger, continuity, clock)
        ledger = ContinuousLedger(ledger, continuity)
        self._ledger = ledger
        self._clock = clock
        self._settings = settings
        self._apply = Apply(ledger, clock)
        self._declarations = SourceDeclarations(ledger, pepper, clock)
        self._rebuild = Rebuild(ledger)
        self._consumer: Consumer | None = None
        whole = RebuiltLedger(ledger, self._rebuild)
        self.authority = LocalAuthority(whole, pepper, clock, Aging(settings.bounds), continuity, settings.undo_window)
        self.registry = CollectorRegistry()
        self.numbers = ProtocolNumbers(self.registry)
        self.registry.register(AuditNumbers(self.authority.audit_trail.queue))
        self.upkeep = Upkeep(ledger, clock, settings, self.authority, self._apply, self.numbers, self.registry)
        self.health = Health({"permissions": self._database, "rebuild": self._rebuilding, "topics": self._topics})

    def internal_app(self, health: Health | None = None) -> web.Application:
        """The internal listener: facts, operations, snapshots, changes, health. Never on a public address (R151).

        `health` is that of the whole process, if there is more in it than permissions.
        """
        return internal_app(
            Services(
                self._ledger,
                self.authority,
                self._apply,
                self._authentication,
                self._declarations,
                Oversight(self._ledger, self._clock),
                TopicAcceptance(self._ledger, self._clock),
                SourceRequests(self._ledger, self._clock),
                self._epochs,
                self.numbers,
                health or self.health,
                self.registry,
                self._settings.slow_reader_after.total_seconds(),
            ),
            self._settings.service_token,
        )

    async def _database(self) -> str | None:
        try:
            await self._ledger.head()
        except HistoryLost as error:
            return str(error)
        except LedgerUnavailable:
            return "PostgreSQL can't be reached"
        return None

    async def _rebuilding(self) -> str | None:
        try:
            return await self._rebuild.missing()
        except LedgerUnavailable:
            return "PostgreSQL can't be reached"

    async def _topics(self) -> str | None:
        return self._consumer.stopped() if self._consumer else None

    async def operator(self, file: Path) -> str:
        """The operator's secret, in the file from now on: who owns the file is the operator. Raises OSError."""
        with answering():
            return await self._operator.ensure(OperatorFile(file))

    async def follow(self, bootstrap: str, database: Database, role: str | None) -> Consumer:
        """A consumer of the fact topics; the first start declares one source for everything in them.

        An empty database is filled in bulk first, by processes that act as this role there.
        """
        settings = self._settings
        topics = [settings.authority_topic, settings.identity_topic]
        positions = StoredPositions(self._ledger)
        guard = TopicGuard(
            self._ledger,
            {settings.authority_topic: AUTHORITY.partitions, settings.identity_topic: IDENTITY.partitions},
        )
        streams = KafkaStreams(bootstrap, settings.kafka_group, topics, positions, guard)
        await self._declarations.ensure(KAFKA)
        where = Where(settings.database_url.get_secret_value(), role, bootstrap, settings.authority_topic)
        bulk = BulkRebuild(
            self._ledger,
            self._apply,
            self._clock,
            where,
            KafkaExtent(bootstrap, settings.authority_topic, guard),
            PostgresStaging(database),
            WorkerProcesses(),
            _bulk_edges,
            self._rebuild.tell,
            settings.rebuild_in_bulk_from,
        )
        first = RebuiltFirst(streams, settings.authority_topic, bulk)
        consumer = Consumer(self._ledger, self._apply, first, IngestMetrics(self.registry))
        self._rebuild.expect(topics)
        self._consumer = consumer
        known_as = {settings.authority_topic: AUTHORITY.name, settings.identity_topic: IDENTITY.name}
        self.authority.sync.behind = lambda: {(known_as[of], part): n for (of, part), n in consumer.behind().items()}
        return consumer

    async def ingest(self, lines: Sequence[bytes], source: str = LOCAL.name) -> wire.IngestAnswer:
        """Applies facts, one CloudEvent each, as a source that is declared. Raises FactsRefused, NotFound."""
        with answering():
            async with self._ledger.viewing() as view:
                found = await view.sources.named(source)
            if found is None:
                raise NotFound(f"no source {source!r} is declared")
            records = [Record(number, line) for number, line in enumerate(lines, 1)]
            return await self._apply.over_http(found, records)


def _bulk_edges(change: Change) -> BulkEdges:
    if not isinstance(change, PostgresChange):
        raise TypeError("only PostgreSQL is filled in bulk")
    return change.bulk


async def migrate_permissions(dsn: str) -> str | None:
    """Brings the schema to the version of the code; answers the role that owns it."""
    role = await ensure_schema_role(dsn, SCHEMA)
    await migrate(dsn, SCHEMA, files("moorage.permissions.postgres") / "migrations", role=role)
    return role


@asynccontextmanager
async def open_permissions(settings: PermissionsSettings, clock: Clock | None = None) -> AsyncIterator[Permissions]:
    """Migrates and opens; as long as it is open, overdue images end, and facts come from Kafka if it is configured."""
    dsn = settings.database_url.get_secret_value()
    clock = clock or SystemClock()
    pepper = FilePepper.open(settings.secrets_dir)
    role = await migrate_permissions(dsn)
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(
            await Database.open(dsn, SCHEMA, role=role, size=settings.database_connections)
        )
        questions = await stack.enter_async_context(
            await Database.open(dsn, SCHEMA, role=role, size=STATEMENTS, plan_once=True)
        )
        ledger = PostgresLedger(database, clock, questions)
        await stack.enter_async_context(ledger.news())
        permissions = Permissions(ledger, pepper, clock, settings)
        await permissions.authority.gateways.look()
        permissions.health.started()
        if settings.kafka_bootstrap is not None:
            gc.set_threshold(*COLLECT_RARELY)
            # Of its own: long work for a rebuild must not keep connections from everything else.
            beside = await stack.enter_async_context(await Database.open(dsn, SCHEMA, role=role, size=4))
            await stack.enter_async_context(await permissions.follow(settings.kafka_bootstrap, beside, role))
        await stack.enter_async_context(permissions.authority.audit_trail.queue)
        for job in permissions.upkeep.jobs():
            await stack.enter_async_context(job)
        yield permissions


async def run(settings: PermissionsSettings, stop: Stop) -> None:
    """Permissions in a process of its own, until it is told to stop.

    The folder of secrets has meanwhile what operator commands look for in a data folder.
    """
    structlog.get_logger().info("Starting permissions.", **settings.masked())
    folder = settings.secrets_dir
    async with open_permissions(settings) as permissions:
        await permissions.operator(folder / "operator.json")
        listeners = [Listener("internal", permissions.internal_app(), settings.host, settings.port)]
        async with serve(listeners, permissions.health, HttpMetrics(permissions.registry)) as places:
            with private_file.written(folder / "internal.json", _announcement(*places["internal"])):
                await stop.wait()


def _announcement(host: str, port: int) -> dict[str, object]:
    url = URL.build(scheme="http", host=host, port=port)
    return {"url": str(url), "pid": os.getpid(), "started_at": datetime.now(UTC).isoformat(timespec="seconds")}
