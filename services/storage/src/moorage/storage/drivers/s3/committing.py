"""How an object comes to be, whatever becomes of the answer: what is there decides."""

from collections.abc import Sequence
from typing import Final

import structlog

from moorage.oci.errors import Unavailable
from moorage.storage import upload_session
from moorage.storage.drivers.s3.bucket import Bucket
from moorage.storage.drivers.s3.errors import ObjectThere
from moorage.storage.part_list import Part
from moorage.storage.ports import ObjectMissing

_log: Final = structlog.stdlib.get_logger(__name__)


async def put_new(bucket: Bucket, name: str, body: bytes) -> None:
    """Makes the body the object of this name. Raises UploadBusy if somebody else made another one."""
    try:
        await bucket.put(name, body, only_if_absent=True)
    except ObjectThere:
        # Ours, of an attempt whose answer was lost; or that of a holder that was stopped for longer than its lease.
        if not await _is(bucket, name, body):
            raise upload_session.busy() from None
    except Unavailable:
        if not await _is(bucket, name, body):
            raise


async def complete(bucket: Bucket, name: str, upload: str, parts: Sequence[Part]) -> None:
    """Makes the parts the object of this name; may be repeated. Raises ObjectMissing if the store forgot them."""
    size = sum(part.size for part in parts)
    try:
        await bucket.complete(name, upload, parts)
    except (ObjectMissing, Unavailable):
        if await bucket.size(name) != size:
            raise
        return
    found = await bucket.size(name)
    if found != size:
        _log.error("An object has another size than its parts", name=name, expected=size, found=found)
        raise Unavailable("the registry's storage did not keep what it was given")


async def _is(bucket: Bucket, name: str, body: bytes) -> bool:
    if await bucket.size(name) != len(body):
        return False
    try:
        return await bucket.whole(name) == body
    except ObjectMissing:
        return False
