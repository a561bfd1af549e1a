"""The settings of the permissions service, read once from `MOORAGE_PERMISSIONS_…`."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated

from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from moorage.access.staleness import Bounds
from moorage.events import topics
from moorage.runtime.settings import Settings


class PermissionsSettings(Settings):
    """Where the service finds its parts. Secrets print masked."""

    model_config = SettingsConfigDict(env_prefix="MOORAGE_PERMISSIONS_")

    database_url: SecretStr
    """PostgreSQL, as postgresql://user@host/database."""
    database_connections: int = Field(default=10, ge=2, le=200)
    secrets_dir: Path
    """A folder for the key under which credentials are kept; made if missing."""
    host: str = "127.0.0.1"
    port: int = Field(default=5101, ge=0, le=65535)
    service_token: SecretStr | None = None
    """What gateways show on the internal listener; without it, their operations are refused there."""
    expiry_interval: Annotated[timedelta, Field(gt=timedelta(0))] = timedelta(minutes=5)
    """How often detached images whose deadline has passed are looked for."""
    undo_window: Annotated[timedelta, Field(ge=timedelta(0), le=timedelta(days=30))] = timedelta(hours=24)
    """How long a deleted image can be restored; 0: never."""
    audit_retention: Annotated[timedelta, Field(gt=timedelta(0))] = timedelta(days=400)
    """How long decisions are kept."""
    history_retention: Annotated[timedelta, Field(gt=timedelta(0))] = timedelta(days=400)
    """How far back explanations reach."""
    change_log_retention: Annotated[timedelta, Field(gt=timedelta(0))] = timedelta(days=7)
    """How long gateways find their place again in the change stream; later they take a new snapshot."""
    slow_reader_after: Annotated[timedelta, Field(gt=timedelta(0))] = timedelta(seconds=5)
    """How long a reader of the change stream may leave frames unread before it is disconnected."""
    staleness_fresh: float = Field(default=5, gt=0)
    """Seconds up to which what sources told is fresh; the others are the bounds of §3.3, the gateway's names."""
    staleness_aging: float = Field(default=30, gt=0)
    staleness_push: float = Field(default=120, gt=0)
    staleness_pull: float = Field(default=300, gt=0)
    staleness_public: float = Field(default=900, gt=0)
    kafka_bootstrap: str | None = None
    """Comma-separated addresses; without them facts come over HTTP only."""
    kafka_group: str = "moorage-permissions"
    authority_topic: str = topics.AUTHORITY.name
    identity_topic: str = Field(default=topics.IDENTITY.name, pattern=r"^identity\.")
    """Its prefix tells its lanes from those of the authority topic."""

    rebuild_in_bulk_from: int = Field(default=100_000, ge=0)
    """So many offsets of the authority topic are worth a rebuild in bulk, if the database is empty."""

    @property
    def bounds(self) -> Bounds:
        """How old what sources told may be, where a source has no bounds of its own."""
        return Bounds(
            self.staleness_fresh,
            self.staleness_aging,
            self.staleness_push,
            self.staleness_pull,
            self.staleness_public,
        )
