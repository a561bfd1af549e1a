"""Opens the driver of a bucket, after asking whether it is there, may be written, and what it can do."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Final
from uuid import uuid4

import aiohttp
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError

from moorage.runtime.lifecycle import CannotStart
from moorage.storage.drivers.s3 import client
from moorage.storage.drivers.s3.bucket import Bucket
from moorage.storage.drivers.s3.client import Place
from moorage.storage.drivers.s3.driver import LEASE, S3Driver
from moorage.storage.drivers.s3.errors import code_of
from moorage.storage.part_list import PartList

if TYPE_CHECKING:
    from types_aiobotocore_s3 import S3Client

_REFUSED: Final = frozenset({"AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "Forbidden", "403"})
_NO_BUCKET: Final = frozenset({"NoSuchBucket", "404"})
_NOT_OFFERED: Final = frozenset({"NotImplemented", "501"})
_KEPT: Final = frozenset({"PreconditionFailed", "412"})


class BucketUnusable(CannotStart):
    """The bucket is not there, or may not be used as it must be; the message says which."""


@asynccontextmanager
async def opened(
    place: Place,
    part_list: PartList,
    largest: int,
    *,
    lease: timedelta = LEASE,
    silence_seconds: float = client.SILENCE_SECONDS,
) -> AsyncIterator[S3Driver]:
    """The driver; `largest` is how many bytes a blob may have. Raises BucketUnusable."""
    async with client.opened(place, silence_seconds) as s3:
        try:
            has_conditions = await _probed(s3, place)
        except ClientError as error:
            raise BucketUnusable(_words(code_of(error), place)) from error
        except NoCredentialsError as error:
            raise BucketUnusable("there are no keys for S3: set them, or give this machine a role") from error
        except (BotoCoreError, aiohttp.ClientError, OSError) as error:
            raise BucketUnusable(f"S3 can't be reached at {place.endpoint or place.region}") from error
        yield S3Driver(Bucket(s3, place.bucket, place.prefix, has_conditions=has_conditions), part_list, largest, lease)


async def _probed(s3: "S3Client", place: Place) -> bool:
    """Whether the store honours `If-None-Match: *`. An object is written twice and deleted.

    The bucket is asked for first, for there are stores that make one for whoever writes to it.
    """
    await s3.head_bucket(Bucket=place.bucket)
    name = f"{place.prefix}probe/{uuid4().hex}"
    try:
        for _ in range(2):
            await s3.put_object(Bucket=place.bucket, Key=name, Body=b"probe", IfNoneMatch="*")
    except ClientError as error:
        if code_of(error) in _NOT_OFFERED:
            await s3.put_object(Bucket=place.bucket, Key=name, Body=b"probe")
        elif code_of(error) not in _KEPT:
            raise
        has_conditions = code_of(error) in _KEPT
    else:
        has_conditions = False
    await s3.delete_object(Bucket=place.bucket, Key=name)
    return has_conditions


def _words(code: str, place: Place) -> str:
    if code in _NO_BUCKET:
        return f"the bucket {place.bucket} does not exist"
    if code in _REFUSED:
        return f"S3 refuses the keys, or they may not write to the bucket {place.bucket} ({code})"
    return f"S3 does not let us use the bucket {place.bucket} ({code})"
