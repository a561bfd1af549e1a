"""The composition root of storage: the only module that builds drivers and stores."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from importlib.resources import files
from typing import Final

import structlog
from prometheus_client import CollectorRegistry
from pydantic import SecretStr

from moorage.distribution.content import Content
from moorage.oci.errors import Unavailable
from moorage.runtime.clock import SystemClock
from moorage.runtime.health import Check, Health, add_health
from moorage.runtime.lifecycle import Stop
from moorage.runtime.metrics import HttpMetrics, process_registry
from moorage.runtime.migrations import migrate
from moorage.runtime.periodic import Periodic
from moorage.runtime.postgres import Database
from moorage.runtime.schema_role import ensure_schema_role
from moorage.runtime.serving import Listener, serve
from moorage.storage.blobs import Blobs
from moorage.storage.collecting import Collection
from moorage.storage.content import StoredContent
from moorage.storage.drivers.filesystem import FilesystemDriver
from moorage.storage.expiry import Expired, Expiry
from moorage.storage.hold_feed import HoldFeed
from moorage.storage.http.application import application
from moorage.storage.manifests import Manifests
from moorage.storage.metrics import MeasuredCollection
from moorage.storage.ports import BlobDriver, BlobStore, ManifestStore, SessionStore
from moorage.storage.postgres.blobs import PostgresBlobStore
from moorage.storage.postgres.collection import PostgresCollectionStore
from moorage.storage.postgres.durability import check_durability
from moorage.storage.postgres.hold_feed import PostgresHoldFeed
from moorage.storage.postgres.manifests import PostgresManifestStore
from moorage.storage.postgres.part_list import PostgresPartList
from moorage.storage.postgres.sessions import PostgresSessionStore
from moorage.storage.postgres.tags import PostgresTagStore
from moorage.storage.postgres.verification import PostgresVerificationStore
from moorage.storage.remembered.numbers import Numbers
from moorage.storage.remembered.polls import Polls
from moorage.storage.remembered.recollection import Recollection
from moorage.storage.remembered.remembered import Remembered
from moorage.storage.remembered.stores import RememberedBlobStore, RememberedManifestStore
from moorage.storage.settings import Driver, StorageSettings
from moorage.storage.suspects import Suspects
from moorage.storage.upload_session import Lifetime
from moorage.storage.uploads import UploadLimits, Uploads
from moorage.storage.verification import Verification

SCHEMA: Final = "storage"
_SUSPECTS_INTERVAL: Final = timedelta(seconds=5)
_HOLDS_INTERVAL: Final = timedelta(seconds=30)


class Storage:
    """An open storage service: what images hold, and how it is."""

    def __init__(
        self,
        content: Content,
        expiry: Expiry,
        sessions: SessionStore,
        verification: Verification,
        suspects: Suspects,
        collection: MeasuredCollection,
        numbers: Numbers,
        checks: Mapping[str, Check],
    ) -> None:
        self.content = content
        self.verification = verification
        self.collection = collection
        self._numbers = numbers
        self._expiry = expiry
        self._sessions = sessions
        self._suspects = suspects
        self.health = Health({"storage": self._database, **checks})

    def add_to(self, registry: CollectorRegistry) -> None:
        """Lets the registry tell what is counted here."""
        self.collection.add_to(registry)
        self._numbers.add_to(registry)

    async def expire(self) -> Expired:
        """One run of what otherwise runs by itself: ends uploads that were left, frees what nothing owns (R143)."""
        return await self._expiry.run()

    async def look_at_suspects(self) -> None:
        """One run of what otherwise runs by itself: finds out about blobs that could not be served (R92)."""
        await self._suspects.run()

    async def _database(self) -> str | None:
        try:
            await self._sessions.still_open([])
        except Unavailable:
            return "PostgreSQL can't be reached"
        return None


async def migrate_storage(dsn: str) -> str | None:
    """Brings the schema to the version of the code; answers the role that owns it."""
    role = await ensure_schema_role(dsn, SCHEMA)
    await migrate(dsn, SCHEMA, files("moorage.storage.postgres.migrations"), role=role)
    return role


@asynccontextmanager
async def connect_storage(settings: StorageSettings) -> AsyncIterator[Storage]:
    """Migrates, and opens database and driver; nothing happens in it by itself, and nothing is remembered.

    Raises what `migrate` and `Database.open` raise, Unavailable for the data folder, BucketUnusable, CommitsNotDurable.
    """
    async with _base(settings) as base:
        yield _wired(base, Numbers(), None)


@asynccontextmanager
async def open_storage(settings: StorageSettings, *, keeps_house: bool = True) -> AsyncIterator[Storage]:
    """The same with a memory, and as long as it is open it looks at what could not be served, expires, and collects.

    Of several processes that are opened together one is enough to keep house: it expires and collects for all.
    """
    async with AsyncExitStack() as stack:
        base, numbers = await stack.enter_async_context(_base(settings)), Numbers()
        feed = PostgresHoldFeed(await stack.enter_async_context(await base.further_connection()))
        remembered = await stack.enter_async_context(_memory(settings.remembered_bytes, feed, numbers))
        storage = _wired(base, numbers, remembered)
        suspects = Periodic("look at suspects", storage.look_at_suspects, _SUSPECTS_INTERVAL, Unavailable)
        await stack.enter_async_context(suspects)
        if keeps_house:
            expiry = Periodic("expire uploads", storage.expire, settings.expiry_interval, Unavailable, jitter=0.2)
            collection = Periodic(
                "collect", storage.collection.run, settings.collection_interval, Unavailable, jitter=0.2
            )
            forget = PostgresHoldFeed(base.database).forget  # not where looks would have to wait for it
            holds = Periodic("forget holds", forget, _HOLDS_INTERVAL, Unavailable, jitter=0.2)
            await stack.enter_async_context(holds)
            await stack.enter_async_context(expiry)
            await stack.enter_async_context(collection)
        yield storage


async def run(settings: StorageSettings, stop: Stop) -> None:
    """Storage in a process of its own, for gateways that show the service token, until it is told to stop."""
    structlog.get_logger().info("Starting storage.", **settings.masked())
    # Without a configured token it is one that nobody knows: nobody is let in (R150).
    token = settings.service_token or SecretStr(secrets.token_urlsafe())
    numbers = process_registry()
    async with open_storage(settings) as storage:
        app = application(storage.content, token.get_secret_value())
        storage.add_to(numbers)
        add_health(app, storage.health, numbers)
        listeners = [Listener("internal", app, settings.host, settings.port)]
        async with serve(listeners, storage.health, HttpMetrics(numbers)):
            await stop.wait()


@asynccontextmanager
async def _driver(
    settings: StorageSettings, database: Database
) -> AsyncIterator[tuple[BlobDriver, Mapping[str, Check]]]:
    """The driver, and what readiness depends on because of it."""
    if settings.driver is Driver.FILESYSTEM:
        yield await asyncio.to_thread(FilesystemDriver.open, settings.data_folder), {}
        return
    # The client takes a third of a second to import: only who uses it waits for that.
    from moorage.storage.drivers.s3 import opening
    from moorage.storage.drivers.s3.client import Place
    from moorage.storage.drivers.s3.readiness import BucketReadiness

    place = Place(
        bucket=settings.s3_bucket or "",
        region=settings.s3_region,
        endpoint=settings.s3_endpoint,
        prefix=settings.s3_prefix,
        access_key=settings.s3_access_key,
        secret_key=settings.s3_secret_key,
        path_style=settings.s3_path_style,
    )
    async with opening.opened(place, PostgresPartList(database), settings.max_blob_bytes) as driver:
        yield driver, {"bucket": BucketReadiness(driver.look, SystemClock()).missing}


@dataclass(frozen=True, slots=True)
class _Base:
    """What a storage stands on."""

    settings: StorageSettings
    role: str | None
    database: Database
    driver: BlobDriver
    checks: Mapping[str, Check]

    async def further_connection(self) -> Database:
        """For small questions that must not wait for the stores' connections."""
        dsn = self.settings.database_url.get_secret_value()
        return await Database.open(dsn, SCHEMA, role=self.role, size=1, plan_once=True)


@asynccontextmanager
async def _base(settings: StorageSettings) -> AsyncIterator[_Base]:
    dsn = settings.database_url.get_secret_value()
    role = await migrate_storage(dsn)
    async with await Database.open(dsn, SCHEMA, role=role, size=settings.database_connections) as database:
        await check_durability(database)
        async with _driver(settings, database) as (driver, checks):
            yield _Base(settings, role, database, driver, checks)


@asynccontextmanager
async def _memory(most_bytes: int, feed: HoldFeed, numbers: Numbers) -> AsyncIterator[Remembered | None]:
    if not most_bytes:
        yield None
        return
    recollection = Recollection(most_bytes)
    async with Polls(feed, recollection, SystemClock(), numbers) as polls:
        yield Remembered(recollection, polls, SystemClock(), numbers)


def _wired(base: _Base, numbers: Numbers, remembered: Remembered | None) -> Storage:
    settings, driver, database = base.settings, base.driver, base.database
    policy, sessions = settings.policy, PostgresSessionStore(database)
    blobs: BlobStore = PostgresBlobStore(database)
    manifests: ManifestStore = PostgresManifestStore(database)
    if remembered is not None:
        blobs = RememberedBlobStore(blobs, remembered)
        manifests = RememberedManifestStore(manifests, remembered)
    verification = Verification(driver, PostgresVerificationStore(database), SystemClock())
    suspects = Suspects(verification.look_again)
    limits = UploadLimits(settings.max_blob_bytes, settings.max_open_uploads)
    content = StoredContent(
        Blobs(driver, blobs, suspects.report, policy.told_again_after),
        Uploads(driver, blobs, sessions, SystemClock(), limits),
        Manifests(
            manifests,
            PostgresTagStore(database),
            settings.max_manifest_bytes,
            policy.grace,
            policy.told_again_after,
        ),
    )
    lifetime = Lifetime(settings.upload_idle, settings.upload_lifetime)
    expiry = Expiry(driver, sessions, SystemClock(), lifetime, settings.leftover_grace)
    collection = MeasuredCollection(Collection(PostgresCollectionStore(database), policy), SystemClock())
    storage = Storage(content, expiry, sessions, verification, suspects, collection, numbers, base.checks)
    storage.health.started()
    return storage
