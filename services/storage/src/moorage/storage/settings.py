"""The settings of the storage service, read once from `MOORAGE_STORAGE_…`."""

import re
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

from pydantic import Field, SecretStr, ValidationInfo, field_validator
from pydantic_settings import SettingsConfigDict

from moorage.oci.manifest import MAX_MANIFEST_BYTES
from moorage.runtime.settings import Settings
from moorage.storage.collection import GRACE, Policy

Positive = Annotated[int, Field(gt=0)]

_LARGEST_OBJECT: Final = 5 * 2**40
_ENDPOINT: Final = re.compile(r"https?://[^/?#@\s]+/?")


class Driver(StrEnum):
    """Where blobs are kept."""

    FILESYSTEM = "filesystem"
    S3 = "s3"


class StorageSettings(Settings):
    """Everything storage can be told. Limits are those of protocol.md §6; durations are ISO 8601 or seconds."""

    model_config = SettingsConfigDict(env_prefix="MOORAGE_STORAGE_")

    database_url: SecretStr
    """Where PostgreSQL is, `postgresql://…`; the schema `storage` is ours."""
    database_connections: Positive = 10
    """Connections to PostgreSQL at most, per process, beside one that looks at holds."""
    driver: Driver = Driver.FILESYSTEM
    """Where blobs are kept: `filesystem` or `s3`."""
    data_folder: Path = Path("data/blobs")
    """Where the filesystem driver keeps them: a local file system, shared by all storage processes."""
    s3_bucket: str | None = None
    """The bucket of the S3 driver; it must exist."""
    s3_prefix: Annotated[str, Field(pattern=r"^([A-Za-z0-9._-]+/)*$")] = "moorage/"
    """What the names of all objects begin with: empty, or ending with a slash."""
    s3_region: str = "us-east-1"
    """The region of the bucket."""
    s3_endpoint: str | None = None
    """Where the store is, `https://…`; without one it is AWS."""
    s3_path_style: bool = False
    """Whether the bucket is named in the path instead of the host."""
    s3_access_key: str | None = None
    """With the secret key; without both the client's own chain is asked (environment, profile, role)."""
    s3_secret_key: SecretStr | None = None
    """The secret key."""
    host: str = "127.0.0.1"
    """The address to listen on. Storage belongs on the internal network."""
    port: Annotated[int, Field(ge=0, le=65535)] = 5201
    """The port to listen on; 0 takes a free one."""
    service_token: Annotated[SecretStr, Field(min_length=16)] | None = None
    """What the gateway shows; without one nobody is served over HTTP."""
    remembered_bytes: Annotated[int, Field(ge=0)] = 64 * 2**20
    """What each process remembers of images at most, in bytes: manifests, tags, links of blobs; 0: nothing."""
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

    @field_validator("s3_bucket")
    @classmethod
    def _with_the_driver(cls, bucket: str | None, told: ValidationInfo) -> str | None:
        driver = told.data.get("driver")
        if driver is Driver.S3 and not bucket:
            raise ValueError("the driver s3 needs a bucket")
        if driver is Driver.FILESYSTEM and bucket:
            raise ValueError("a bucket is for the driver s3: set the driver too, or take the bucket away")
        return bucket or None

    @field_validator("s3_endpoint")
    @classmethod
    def _an_origin(cls, endpoint: str | None) -> str | None:
        if endpoint and not _ENDPOINT.fullmatch(endpoint):
            raise ValueError("an endpoint is https://HOST or http://HOST:PORT, without user, path or query")
        return endpoint or None

    @field_validator("s3_secret_key")
    @classmethod
    def _both_or_none(cls, secret: SecretStr | None, told: ValidationInfo) -> SecretStr | None:
        if bool(secret) != bool(told.data.get("s3_access_key")):
            raise ValueError("access key and secret key are told together, or neither")
        return secret or None

    @field_validator("max_blob_bytes")
    @classmethod
    def _as_the_store_can(cls, most: int, told: ValidationInfo) -> int:
        if most > _LARGEST_OBJECT and told.data.get("driver") is Driver.S3:
            raise ValueError("S3 takes 5 TiB as one object at most")
        return most

    @property
    def policy(self) -> Policy:
        """What collection is told."""
        return Policy(self.collection_grace, self.collection_untagged_after, self.collection_with_subject)
