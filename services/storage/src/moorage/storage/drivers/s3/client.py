"""The client of an S3 endpoint: bounded retries, bounded waits."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from aiobotocore.config import AioConfig
from aiobotocore.session import AioSession
from pydantic import SecretStr

if TYPE_CHECKING:
    from types_aiobotocore_s3 import S3Client

_ATTEMPTS: Final = 4
_CONNECT_SECONDS: Final = 5
SILENCE_SECONDS: Final = 20


@dataclass(frozen=True, slots=True)
class Place:
    """Where the bucket is. Without keys the client finds its own: environment, profile, role of the machine or pod."""

    bucket: str
    region: str = "us-east-1"
    endpoint: str | None = None
    prefix: str = ""
    access_key: str | None = None
    secret_key: SecretStr | None = None
    path_style: bool = False


@asynccontextmanager
async def opened(place: Place, silence_seconds: float = SILENCE_SECONDS) -> AsyncIterator["S3Client"]:
    """A client that asks each question at most four times, with pauses that double and vary, up to 7 seconds in all."""
    config = AioConfig(
        signature_version="s3v4",
        s3={"addressing_style": "path" if place.path_style else "auto"},
        retries={"mode": "standard", "total_max_attempts": _ATTEMPTS},
        connect_timeout=_CONNECT_SECONDS,
        read_timeout=silence_seconds,
        # Whoever reads slowly keeps a connection. Waiting for a free one would have no end, so there is no limit here;
        # how many requests there are at once is limited where they come in.
        max_pool_connections=0,
        # Content-MD5 says the same and is understood by every store; checksums of their own in a trailer are not.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        tcp_keepalive=True,
    )
    async with AioSession().create_client(
        "s3",
        region_name=place.region,
        endpoint_url=place.endpoint,
        aws_access_key_id=place.access_key,
        aws_secret_access_key=place.secret_key.get_secret_value() if place.secret_key else None,
        config=config,
    ) as client:
        yield client
