"""What the gateway is told at its start."""

from pathlib import Path
from typing import ClassVar, Literal

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import SettingsConfigDict

from moorage.gateway.consistency import Bounds
from moorage.gateway.loading import Loading
from moorage.runtime.settings import Settings


class GatewaySettings(Settings):
    """Read from `MOORAGE_GATEWAY_…`. Bounds are seconds; the last three fields are for a gateway of its own process."""

    model_config: ClassVar[SettingsConfigDict] = SettingsConfigDict(env_prefix="MOORAGE_GATEWAY_")

    public_url: str = "http://127.0.0.1:5000"
    """Where clients reach the registry; the token endpoint lies below it. Never taken from a request (R65)."""
    service: str = "moorage"
    """The name of the registry in challenges, and the audience of its tokens."""
    secrets_dir: Path = Path("secrets")
    """Where the signing keys of bearer tokens lie; the first one is made at the first start."""
    token_seconds: int = Field(default=300, ge=60, le=3600)
    staleness_fresh: float = Field(default=5, gt=0)
    staleness_aging: float = Field(default=30, gt=0)
    staleness_push: float = Field(default=120, gt=0)
    staleness_pull: float = Field(default=300, gt=0)
    staleness_public: float = Field(default=900, gt=0)
    pull_serve_stale: bool = False
    audit_sample_percent: float = Field(default=0, ge=0, le=100)
    """How many of the allowed pulls are recorded; everything else always is."""
    audit_queue: int = Field(default=10_000, ge=100, le=1_000_000)
    """Records that wait while permissions is away; once it is full no change is let through."""
    shadow_percent: float = Field(default=0.1, ge=0, le=100)
    """How many of the decisions taken here are asked again at the authority, in the background."""
    replica_preload: Literal["none", "all"] = "none"
    """Which workspaces are loaded before the gateway is ready; the others are on first use."""
    replica_memory_limit: int | None = Field(default=None, ge=1_000_000)
    """Bytes; past it no further workspace is loaded, and the authority answers for it."""
    replica_check_seconds: float = Field(default=60, gt=0)
    """How often each workspace's facts are compared with the authority's."""
    purge_seconds: float = Field(default=300, gt=0)
    """How often what deleted images held is looked for, to be dropped; gateways spread around it."""
    public_host: str = "127.0.0.1"
    public_port: int = Field(default=5000, ge=0, le=65535)
    internal_host: str = "127.0.0.1"
    internal_port: int = Field(default=5001, ge=0, le=65535)
    permissions_url: str = "http://127.0.0.1:5101"
    storage_url: str = "http://127.0.0.1:5201"
    service_token: SecretStr = SecretStr("")

    @field_validator("public_url", "permissions_url", "storage_url")
    @classmethod
    def _is_http(cls, url: str) -> str:
        if not url.startswith(("http://", "https://")):
            raise ValueError("an http or https address is needed")
        return url.rstrip("/")

    @property
    def loading(self) -> Loading:
        """How workspaces come into the replica."""
        return Loading(self.replica_preload == "all", self.replica_memory_limit)

    @property
    def realm(self) -> str:
        """The address of the token endpoint."""
        return f"{self.public_url}/token"

    @property
    def bounds(self) -> Bounds:
        """How old knowledge may be."""
        return Bounds(
            self.staleness_fresh,
            self.staleness_aging,
            self.staleness_push,
            self.staleness_pull,
            self.staleness_public,
            self.pull_serve_stale,
        )
