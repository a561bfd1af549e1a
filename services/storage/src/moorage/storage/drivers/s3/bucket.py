"""One bucket: the few operations the driver needs, under the names it gives, with failures in the registry's words.

    <prefix>objects/<xx>/<key>          objects; <xx> are the first two digits of the key
    <prefix>uploads/<key>/<number>      tails of provisional bytes (moorage.storage.part_list)
    <prefix>probe/<key>                 written and deleted once at each start

`<key>` is 32 hexadecimal digits.
"""

import base64
import hashlib
import io
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing, suppress
from datetime import datetime
from typing import TYPE_CHECKING, Final, TypedDict
from uuid import UUID

from moorage.oci.byte_range import ByteRange
from moorage.storage.drivers.s3.errors import NothingBehindTheEnd, translated
from moorage.storage.drivers.threads import WORTH_A_THREAD, in_thread
from moorage.storage.part_list import Part
from moorage.storage.ports import ObjectMissing

if TYPE_CHECKING:
    from aiobotocore.response import StreamingBody
    from types_aiobotocore_s3 import S3Client
    from types_aiobotocore_s3.type_defs import CompletedPartTypeDef, GetObjectRequestTypeDef, ObjectTypeDef

READ_BYTES: Final = 256 * 1024


class _Target(TypedDict):
    Bucket: str
    Key: str


class Bucket:
    """Names are whole object names. Raises ObjectMissing, StorageFull and Unavailable, see errors.translated.

    `has_conditions`: the store keeps what lies under a name if it is asked to (`If-None-Match: *`).
    """

    def __init__(self, client: "S3Client", bucket: str, prefix: str, *, has_conditions: bool) -> None:
        self._client = client
        self._bucket = bucket
        self._prefix = prefix
        self.has_conditions: Final = has_conditions

    def object(self, key: UUID) -> str:
        """The name of an object."""
        return f"{self._prefix}objects/{key.hex[:2]}/{key.hex}"

    def tail(self, key: UUID, number: int) -> str:
        """The name of a tail."""
        return f"{self._prefix}uploads/{key.hex}/{number}"

    async def look(self) -> None:
        """Asks whether the bucket is there and may be used. Raises ObjectMissing if it is not there."""
        with translated():
            await self._client.head_bucket(Bucket=self._bucket)

    async def put(self, name: str, body: bytes, *, only_if_absent: bool = False) -> None:
        """Stores an object, verified on arrival. Raises ObjectThere if something lies there and that matters."""
        md5 = await _md5(body)
        with translated():
            if only_if_absent:
                await self._client.put_object(**self._at(name), Body=io.BytesIO(body), ContentMD5=md5, IfNoneMatch="*")
            else:
                await self._client.put_object(**self._at(name), Body=io.BytesIO(body), ContentMD5=md5)

    async def size(self, name: str) -> int | None:
        """How many bytes the object has; None if there is none."""
        try:
            with translated():
                return (await self._client.head_object(**self._at(name)))["ContentLength"]
        except ObjectMissing:
            return None

    async def read(self, name: str, span: ByteRange | None = None) -> AsyncGenerator[bytes, None]:
        """The object's bytes in order, as they come; fewer than the span has if the object is shorter."""
        wanted: GetObjectRequestTypeDef = {"Bucket": self._bucket, "Key": name}
        if span:
            wanted["Range"] = f"bytes={span.start}-{span.stop - 1}"
        try:
            with translated():
                answer = await self._client.get_object(**wanted)
        except NothingBehindTheEnd:
            return
        async with answer["Body"] as body:
            while block := await _next(body):
                yield block

    async def whole(self, name: str) -> bytes:
        """A small object."""
        async with aclosing(self.read(name)) as blocks:
            return b"".join([block async for block in blocks])

    async def delete(self, name: str) -> None:
        """Nothing there is fine."""
        with translated():
            await self._client.delete_object(**self._at(name))

    async def begin(self, name: str) -> str:
        """Begins a multipart upload; the store's name of it."""
        with translated():
            return (await self._client.create_multipart_upload(**self._at(name)))["UploadId"]

    async def put_part(self, name: str, upload: str, number: int, body: bytes) -> Part:
        """Stores a part, verified on arrival."""
        md5 = await _md5(body)
        with translated():
            answer = await self._client.upload_part(
                **self._at(name), UploadId=upload, PartNumber=number, Body=io.BytesIO(body), ContentMD5=md5
            )
        return Part(number, answer["ETag"], len(body))

    async def complete(self, name: str, upload: str, parts: Sequence[Part]) -> None:
        """Makes the parts the object. An error inside a 200 is one; after an unclear end only `size` tells."""
        listed: list[CompletedPartTypeDef] = [{"PartNumber": part.number, "ETag": part.etag} for part in parts]
        with translated():
            await self._client.complete_multipart_upload(
                **self._at(name), UploadId=upload, MultipartUpload={"Parts": listed}
            )

    async def abort(self, name: str, upload: str) -> None:
        """Ends a multipart upload and frees its parts; one that has ended is fine."""
        try:
            with translated():
                await self._client.abort_multipart_upload(**self._at(name), UploadId=upload)
        except ObjectMissing:
            return

    async def multiparts(self, before: datetime) -> AsyncIterator[tuple[str, str]]:
        """Name and upload of all multipart uploads of our prefix that were begun before that time."""
        pages = self._client.get_paginator("list_multipart_uploads")
        with translated():
            async for page in pages.paginate(Bucket=self._bucket, Prefix=f"{self._prefix}objects/"):
                for each in page.get("Uploads", []):
                    if each["Initiated"] < before:
                        yield each["Key"], each["UploadId"]

    async def objects(self) -> AsyncIterator[UUID]:
        """Keys of all objects."""
        async for each in self._listed(f"{self._prefix}objects/"):
            with suppress(ValueError):  # what is not ours is left alone
                yield UUID(hex=each["Key"].rpartition("/")[2])

    async def old_tails(self, before: datetime) -> AsyncIterator[tuple[UUID, str]]:
        """Key and name of all tails that were stored before that time."""
        prefix = f"{self._prefix}uploads/"
        async for each in self._listed(prefix):
            with suppress(ValueError):  # what is not ours is left alone
                if each["LastModified"] < before:
                    yield UUID(hex=each["Key"].removeprefix(prefix).partition("/")[0]), each["Key"]

    async def delete_tails(self, key: UUID) -> None:
        """Deletes all tails of a key, those that nobody noted too."""
        async for each in self._listed(f"{self._prefix}uploads/{key.hex}/"):
            await self.delete(each["Key"])

    async def _listed(self, prefix: str) -> "AsyncIterator[ObjectTypeDef]":
        pages = self._client.get_paginator("list_objects_v2")
        with translated():
            async for page in pages.paginate(Bucket=self._bucket, Prefix=prefix):
                for each in page.get("Contents", []):
                    yield each

    def _at(self, name: str) -> _Target:
        return {"Bucket": self._bucket, "Key": name}


async def _next(body: "StreamingBody") -> bytes:
    with translated():
        block: bytes = await body.read(READ_BYTES)
        return block


async def _md5(body: bytes) -> str:
    def work() -> str:
        return base64.b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode()

    return await in_thread(work) if len(body) > WORTH_A_THREAD else work()
