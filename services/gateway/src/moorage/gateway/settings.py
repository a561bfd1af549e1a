"""What the gateway is told at its start."""

from datetime import timedelta
from pathlib import Path
from typing import ClassVar, Literal

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import SettingsConfigDict

from moorage.distribution.server.limits import Limits
from moorage.gateway.addresses import Network, networks
from moorage.gateway.consistency import Bounds
from moorage.gateway.limits import Allowance
from moorage.gateway.loading import Loading
from moorage.oci.reference import MAX_NAME
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
    requests_per_second: float = Field(default=10_000, gt=0)
    """Of one principal on average, at one process; ten seconds' worth may come at once. More is 429."""
    requests_per_second_per_address: float = Field(default=20_000, gt=0)
    """The same of one client address."""
    requests_at_once: int = Field(default=1000, ge=1)
    """Requests of everybody that one process is answering, transfers included; more is 503."""
    uploads_at_once: int = Field(default=32, ge=1)
    """Requests of one principal that send content to one process at the same time; more is 429."""
    failed_logins_per_minute: int = Field(default=10, ge=1)
    """Under one user name from one address; then logins are 429."""
    tags_per_push: int = Field(default=46, ge=10)
    """`?tag=` parameters; more is 414."""
    page_size: int = Field(default=100, ge=1)
    """Entries of a page of tags or of the catalogue whose size is not asked for."""
    largest_page_size: int = Field(default=1000, ge=1)
    """Who asks for more gets so many, and a link to the rest."""
    idle_body_seconds: float = Field(default=60, gt=0)
    """How long a body may pause: of an upload or a manifest, which is 408 then; of an answer that nobody takes, which
    is cut."""
    header_seconds: float = Field(default=10, gt=0)
    """How long the head of a request may take until the connection is closed."""
    catalog: bool = False
    """Whether `/v2/_catalog` is served: to whoever asks for it, what they may pull."""
    trusted_proxies: str | None = None
    """Networks, separated by commas, whose `X-Forwarded-For` is believed; nobody else's is (R133)."""
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

    @field_validator("trusted_proxies")
    @classmethod
    def _are_networks(cls, text: str | None) -> str | None:
        networks(text or "")
        return text

    @property
    def proxies(self) -> tuple[Network, ...]:
        """Whose word on addresses counts."""
        return networks(self.trusted_proxies or "")

    @property
    def allowance(self) -> Allowance:
        """How much may be asked."""
        return Allowance(
            self.requests_per_second, self.requests_per_second_per_address, self.uploads_at_once, self.requests_at_once
        )

    @property
    def limits(self) -> Limits:
        """Of the distribution API. A name and the registry's host have 255 characters together (R2)."""
        host = self.public_url.partition("://")[2].partition("/")[0]
        return Limits(
            max_name=max(MAX_NAME - len(host) - 1, 1),
            max_tags_per_push=self.tags_per_push,
            page_size=self.page_size,
            max_page_size=self.largest_page_size,
            idle_body_seconds=self.idle_body_seconds,
        )

    @property
    def header_time(self) -> timedelta:
        """How long the head of a request may take."""
        return timedelta(seconds=self.header_seconds)

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
