"""What the memory stores share, as the PostgreSQL ones share a schema."""

from dataclasses import dataclass, field
from uuid import UUID

from moorage.access.consistency import ConsistencyToken
from moorage.oci.digest import Digest
from moorage.oci.reference import Tag
from moorage.storage.damage import KnownDamage, Progress
from moorage.storage.manifest_record import ManifestRecord
from moorage.storage.ports import StoredObject, TagMove
from moorage.storage.upload_session import Session


@dataclass(slots=True)
class ManifestEntry:
    """A manifest of an image; `token` is the highest it was pushed at."""

    record: ManifestRecord
    token: ConsistencyToken
    token_is_local: bool


@dataclass(slots=True)
class TagEntry:
    """A tag of an image."""

    digest: Digest
    token: ConsistencyToken
    token_is_local: bool


@dataclass(slots=True)
class MemoryTables:
    """All that is known. Every step on it is taken without an `await`, and so is a transaction."""

    sessions: dict[UUID, Session] = field(default_factory=dict)
    discarded: list[UUID] = field(default_factory=list)
    blobs: dict[Digest, StoredObject] = field(default_factory=dict)
    links: set[tuple[UUID, Digest]] = field(default_factory=set)
    manifests: dict[tuple[UUID, Digest], ManifestEntry] = field(default_factory=dict)
    tags: dict[tuple[UUID, Tag], TagEntry] = field(default_factory=dict)
    damage: dict[Digest, KnownDamage] = field(default_factory=dict)
    passes: dict[str, Progress] = field(default_factory=dict)
    history: list[tuple[UUID, TagMove]] = field(default_factory=list)
