"""The settings of the permissions service, read once from `MOORAGE_PERMISSIONS_…`."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated

from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

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
    kafka_bootstrap: str | None = None
    """Comma-separated addresses; without them facts come over HTTP only."""
    kafka_group: str = "moorage-permissions"
    authority_topic: str = topics.AUTHORITY.name
    identity_topic: str = Field(default=topics.IDENTITY.name, pattern=r"^identity\.")
    """Its prefix tells its lanes from those of the authority topic."""
