"""Storage wired from its memory parts: what tests take when PostgreSQL and disks are not the point."""

from dataclasses import dataclass, field

from contracts.metadata import Stores
from moorage.runtime.clock import FixedClock
from moorage.storage.blobs import Blobs
from moorage.storage.content import StoredContent
from moorage.storage.drivers.memory import MemoryDriver
from moorage.storage.expiry import Expiry
from moorage.storage.manifests import Manifests
from moorage.storage.memory.blobs import MemoryBlobStore
from moorage.storage.memory.manifests import MemoryManifestStore
from moorage.storage.memory.sessions import MemorySessionStore
from moorage.storage.memory.tables import MemoryTables
from moorage.storage.memory.tags import MemoryTagStore
from moorage.storage.memory.verification import MemoryVerificationStore
from moorage.storage.ports import BlobDriver
from moorage.storage.suspects import Suspects
from moorage.storage.upload_session import Lifetime
from moorage.storage.uploads import UploadLimits, Uploads
from moorage.storage.verification import Verification


def memory_stores() -> Stores:
    """Stores that hold nothing."""
    tables = MemoryTables()
    return Stores(
        MemoryBlobStore(tables),
        MemorySessionStore(tables),
        MemoryManifestStore(tables),
        MemoryTagStore(tables),
        MemoryVerificationStore(tables),
    )


def wired(
    driver: BlobDriver,
    stores: Stores,
    clock: FixedClock,
    limits: UploadLimits | None = None,
    suspects: Suspects | None = None,
) -> StoredContent:
    """Content over these parts, as `app` wires it. Two of them over the same parts are two processes."""
    suspects = suspects or Suspects(Verification(driver, stores.verification, clock).look_again)
    return StoredContent(
        Blobs(driver, stores.blobs, suspects.report),
        Uploads(driver, stores.blobs, stores.sessions, clock, limits or UploadLimits()),
        Manifests(stores.manifests, stores.tags),
    )


@dataclass
class MemoryStorage:
    """A whole storage in memory, with a clock to move."""

    clock: FixedClock = field(default_factory=FixedClock)
    stores: Stores = field(default_factory=memory_stores)
    limits: UploadLimits = field(default_factory=UploadLimits)

    def __post_init__(self) -> None:
        self.driver = MemoryDriver(self.clock)
        self.content = wired(self.driver, self.stores, self.clock, self.limits)
        self.expiry = Expiry(self.driver, self.stores.sessions, self.clock, Lifetime())
