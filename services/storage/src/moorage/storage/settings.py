"""The settings of the storage service, read once from `MOORAGE_STORAGE_…`."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated

from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from moorage.oci.manifest import MAX_MANIFEST_BYTES
from moorage.runtime.settings import Settings
from moorage.storage.collection import GRACE, Policy

Positive = Annotated[int, Field(gt=0)]


class StorageSettings(Settings):
    """Everything storage can be told. Limits are those of protocol.md §6; durations are ISO 8601 or seconds."""

    model_config = SettingsConfigDict(env_prefix="MOORAGE_STORAGE_")

    database_url: SecretStr
    """Where PostgreSQL is, `postgresql://…`; the schema `storage` is ours."""
    database_connections: Positive = 10
    """Connections to PostgreSQL at most, per process."""
    data_folder: Path = Path("data/blobs")
    """Where blobs are kept: a local file system, shared by all storage processes."""
    host: str = "127.0.0.1"
    """The address to listen on. Storage belongs on the internal network."""
    port: Annotated[int, Field(ge=0, le=65535)] = 5201
    """The port to listen on; 0 takes a free one."""
    service_token: Annotated[SecretStr, Field(min_length=16)] | None = None
    """What the gateway shows; without one nobody is served over HTTP."""
    max_blob_bytes: Positive = 50 * 2**30
    """The largest blob, in bytes."""
    max_manifest_bytes: Annotated[int, Field(gt=0, le=MAX_MANIFEST_BYTES)] = MAX_MANIFEST_BYTES
    """The largest manifest, in bytes."""
    max_open_uploads: Positive = 100
    """Upload sessions that one principal may have open."""
    upload_idle: timedelta = timedelta(hours=24)
    """An upload session ends after that long without a request."""
    upload_lifetime: timedelta = timedelta(days=7)
    """An upload session ends after that long in any case."""
    expiry_interval: Annotated[timedelta, Field(gt=timedelta(0))] = timedelta(minutes=5)
    """How often ended sessions and unowned bytes are looked for."""
    leftover_grace: timedelta = timedelta(hours=1)
    """Provisional bytes without a session are freed when they are that old."""
    collection_interval: Annotated[timedelta, Field(gt=timedelta(0))] = timedelta(minutes=5)
    """How often what nothing names any more is looked for."""
    collection_grace: Annotated[timedelta, Field(ge=timedelta(0))] = GRACE
    """What nothing names is kept that long, and a blob that clients were told of; so long a deletion can be undone."""
    collection_untagged_after: Annotated[timedelta, Field(ge=timedelta(0))] | None = None
    """Manifests without a tag that nothing else names go after that long; without it they stay."""
    collection_with_subject: bool = False
    """Whether tags `sha256-…` and `sha256-….sig` of older clients go when their subject is gone for good."""

    @property
    def policy(self) -> Policy:
        """What collection is told."""
        return Policy(self.collection_grace, self.collection_untagged_after, self.collection_with_subject)
