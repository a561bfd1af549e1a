"""Storage wired from its memory parts: what tests take when PostgreSQL and disks are not the point."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

from contracts.metadata import Stores
from moorage.runtime.clock import Clock, FixedClock, SystemClock
from moorage.storage.blobs import Blobs
from moorage.storage.collecting import Collection
from moorage.storage.collection import Policy
from moorage.storage.content import StoredContent
from moorage.storage.drivers.memory import MemoryDriver
from moorage.storage.expiry import Expiry
from moorage.storage.hold_feed import HoldFeed
from moorage.storage.manifests import Manifests
from moorage.storage.memory.blobs import MemoryBlobStore
from moorage.storage.memory.collection import MemoryCollectionStore
from moorage.storage.memory.manifests import MemoryManifestStore
from moorage.storage.memory.sessions import MemorySessionStore
from moorage.storage.memory.tables import MemoryTables
from moorage.storage.memory.tags import MemoryTagStore
from moorage.storage.memory.verification import MemoryVerificationStore
from moorage.storage.ports import BlobDriver
from moorage.storage.remembered.numbers import Numbers
from moorage.storage.remembered.polls import Polls
from moorage.storage.remembered.recollection import Recollection
from moorage.storage.remembered.remembered import Remembered
from moorage.storage.remembered.stores import RememberedBlobStore, RememberedManifestStore
from moorage.storage.suspects import Suspects
from moorage.storage.upload_session import Lifetime
from moorage.storage.uploads import UploadLimits, Uploads
from moorage.storage.verification import Verification
from moorage.storage.verified_objects import VerifiedObjects


def memory_stores(clock: Clock | None = None) -> Stores:
    """Stores that hold nothing."""
    return stores_over(MemoryTables(clock or SystemClock()))


def stores_over(tables: MemoryTables) -> Stores:
    """The stores of these tables."""
    return Stores(
        MemoryBlobStore(tables),
        MemorySessionStore(tables),
        MemoryManifestStore(tables),
        MemoryTagStore(tables),
        MemoryVerificationStore(tables),
        MemoryCollectionStore(tables),
    )


@asynccontextmanager
async def remembering(
    stores: Stores, feed: HoldFeed, numbers: Numbers | None = None, most_bytes: int = 2**20
) -> AsyncIterator[Stores]:
    """The same stores with a memory, as `app` wires them: those of one process."""
    recollection, clock, numbers = Recollection(most_bytes), SystemClock(), numbers or Numbers()
    async with Polls(feed, recollection, clock, numbers) as polls:
        remembered = Remembered(recollection, polls, clock, numbers)
        manifests, blobs = (
            RememberedManifestStore(stores.manifests, remembered),
            RememberedBlobStore(stores.blobs, remembered),
        )
        yield replace(stores, blobs=blobs, manifests=manifests)


def wired(
    driver: BlobDriver,
    stores: Stores,
    clock: FixedClock,
    limits: UploadLimits | None = None,
    suspects: Suspects | None = None,
    verified_objects: VerifiedObjects | None = None,
) -> StoredContent:
    """Content over these parts, as `app` wires it. Two of them over the same parts are two processes."""
    suspects = suspects or Suspects(Verification(driver, stores.verification, clock).look_again)
    return StoredContent(
        Blobs(driver, stores.blobs, suspects.report, verified_objects=verified_objects),
        Uploads(driver, stores.blobs, stores.sessions, clock, limits or UploadLimits()),
        Manifests(stores.manifests, stores.tags),
    )


@dataclass
class MemoryStorage:
    """A whole storage in memory, with a clock to move."""

    clock: FixedClock = field(default_factory=FixedClock)
    limits: UploadLimits = field(default_factory=UploadLimits)
    policy: Policy = field(default_factory=Policy)

    def __post_init__(self) -> None:
        self.stores = memory_stores(self.clock)
        self.collection = Collection(self.stores.collection, self.policy)
        self.driver = MemoryDriver(self.clock)
        self.content = wired(self.driver, self.stores, self.clock, self.limits)
        self.expiry = Expiry(self.driver, self.stores.sessions, self.clock, Lifetime())
