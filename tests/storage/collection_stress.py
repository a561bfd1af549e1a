"""Clients that push, mount, skip, retag and delete at random while collection runs, and what must hold meanwhile."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final
from uuid import UUID, uuid4

from contracts.samples import CONFIG, described, image_json, index_json, push_blob, push_manifest, read_all, some_actor
from moorage.distribution.content import Content
from moorage.oci.digest import Digest
from moorage.oci.errors import (
    BlobUnknown,
    ManifestBlobUnknown,
    ManifestUnknown,
    TagTaken,
    Unavailable,
)
from moorage.oci.manifest import parse
from moorage.oci.media_types import ManifestType
from moorage.oci.reference import Reference, Tag
from moorage.storage.references import References, digests

ACTOR = some_actor()
TAGS: Final = [Tag(f"t{number}") for number in range(6)]
_POOL: Final = 40
_TOP: Final = "top"


class Lost(Exception):
    """Something that somebody was told is there is not."""


@dataclass
class Stress:
    """Several images that share blobs. `grace` is collection's."""

    content: Content
    grace: timedelta
    chance: random.Random
    images: list[UUID] = field(default_factory=lambda: [uuid4() for _ in range(4)])
    operations: int = 0
    checked: int = 0

    async def act(self, until: float) -> None:
        """One client, until the clock says so."""
        steps: list[Callable[[], Awaitable[object]]] = [
            self.push,
            self.push,
            self.skip,
            self.mount,
            self.retag,
            self.index,
            self.ask_and_index,
            self.delete_tag,
            self.delete_manifest,
            self.delete_and_restore,
            self.leave_garbage,
        ]
        while time.monotonic() < until:
            with suppress(Unavailable):
                await self.chance.choice(steps)()
            self.operations += 1

    async def check(self, until: float) -> None:
        """Reads all that is live, again and again."""
        while time.monotonic() < until:
            for image in self.images:
                await self.verify(image)

    async def verify(self, image: UUID) -> None:
        """All that the image's tags reach is there and whole. Raises Lost."""
        for tag in (await self.content.tags(image, 100)).tags:
            # What a tag does not name any more may go while it is read; so what is missing is looked for twice.
            for attempt in range(2):
                named = await self._named(image, tag)
                try:
                    if named is not None:
                        await self._verify(image, named)
                    break
                except (ManifestUnknown, BlobUnknown) as error:
                    if attempt and await self._named(image, tag) == named:
                        raise Lost(f"{tag} of {image} names {named}: {error}") from error

    async def push(self) -> None:
        """An image of two blobs, one of which others push too."""
        image, layer = self._image(), self._bytes()
        await push_blob(self.content, image, b"{}", ACTOR)
        await push_blob(self.content, image, layer, ACTOR)
        await self._put(image, image_json(described(b"{}", CONFIG), described(layer)), self._tag(), time.monotonic())

    async def skip(self) -> None:
        """HEAD first, and no upload of what is there."""
        image, layer, asked = self._image(), self._bytes(), time.monotonic()
        for data in (b"{}", layer):
            try:
                await self.content.stat_blob(image, Digest.of(data))
            except BlobUnknown:
                await push_blob(self.content, image, data, ACTOR)
        await asyncio.sleep(self.chance.random() * 0.3 * self.grace.total_seconds())
        await self._put(image, image_json(described(b"{}", CONFIG), described(layer)), self._tag(), asked)

    async def mount(self) -> None:
        """From another image, or an upload."""
        source, image, layer, asked = self._image(), self._image(), self._bytes(), time.monotonic()
        for data in (b"{}", layer):
            if not await self.content.mount_blob(source, image, Digest.of(data), ACTOR):
                await push_blob(self.content, image, data, ACTOR)
        await self._put(image, image_json(described(b"{}", CONFIG), described(layer)), self._tag(), asked)

    async def retag(self) -> None:
        """A tag moves to what another one names."""
        image = self._image()
        with suppress(ManifestUnknown, ManifestBlobUnknown):
            found = await self.content.manifest(image, self._tag())
            await push_manifest(self.content, image, found.body, ACTOR, self._tag(), found.media_type)

    async def index(self) -> None:
        """An index of what two tags name."""
        image = self._image()
        with suppress(ManifestUnknown, ManifestBlobUnknown):
            found = [await self.content.manifest(image, self._tag()) for _ in range(2)]
            children = [described(each.body, each.media_type) for each in found if not _is_top(each.body)]
            if children:
                place = self.chance.choice([_TOP, "inner"])
                body = index_json(*children, annotations={"n": str(self.chance.random()), "place": place})
                await push_manifest(self.content, image, body, ACTOR, self._tag(), ManifestType.OCI_INDEX)

    async def ask_and_index(self) -> None:
        """An index of what a tag named a while ago, if its digest is still answered; it may have no name but that."""
        image, tag = self._image(), self._tag()
        with suppress(ManifestUnknown):
            was = await self.content.manifest(image, tag)
            await asyncio.sleep(self.chance.random() * 2 * self.grace.total_seconds())
            asked, found = time.monotonic(), await self.content.manifest(image, was.digest)
            await asyncio.sleep(self.chance.random() * 0.7 * self.grace.total_seconds())
            if not _is_top(found.body):
                body = index_json(described(found.body, found.media_type), annotations={"place": _TOP})
                await self._put(image, body, self._tag(), asked, ManifestType.OCI_INDEX)

    async def delete_tag(self) -> None:
        """Any."""
        with suppress(ManifestUnknown):
            await self.content.delete_tag(self._image(), self._tag(), ACTOR)

    async def delete_manifest(self) -> None:
        """What a tag names, unless an index may name it: what is lost then would be the client's own doing."""
        image = self._image()
        with suppress(ManifestUnknown):
            found = await self.content.manifest(image, self._tag())
            if _is_top(found.body):
                await self.content.delete_manifest(image, found.digest, ACTOR)

    async def delete_and_restore(self) -> None:
        """At once, so that there is time; somebody else may have pushed the tag in between."""
        image, tag, deleted = self._image(), self._tag(), time.monotonic()
        with suppress(ManifestUnknown):
            await self.content.delete_tag(image, tag, ACTOR)
            try:
                await self.content.restore_tag(image, tag, ACTOR)
            except (ManifestUnknown, ManifestBlobUnknown) as error:
                restored_by_another = isinstance(error, ManifestUnknown)
                if not restored_by_another and time.monotonic() - deleted < self.grace.total_seconds():
                    raise Lost(f"{tag} of {image} could not be restored: {error}") from error
            except TagTaken:
                return

    async def leave_garbage(self) -> None:
        """A blob that nobody will ever name."""
        await push_blob(self.content, self._image(), self.chance.randbytes(20_000), ACTOR)

    async def _put(
        self, image: UUID, body: bytes, tag: Tag, asked: float, media_type: str = ManifestType.OCI_IMAGE
    ) -> None:
        try:
            await push_manifest(self.content, image, body, ACTOR, tag, media_type)
        except ManifestBlobUnknown as error:
            if time.monotonic() - asked < self.grace.total_seconds():
                raise Lost(f"what {image} was told to be there: {error.message}") from error

    async def _verify(self, image: UUID, reference: Reference) -> None:
        found = await self.content.manifest(image, reference)
        named = References.of(parse(found.body, found.media_type))
        for digest in digests(named.manifests):
            await self._verify(image, digest)
        for digest in digests(named.blobs):
            if Digest.of(await read_all(self.content.read_blob(image, digest))) != digest:
                raise Lost(f"other bytes under {digest}")
        self.checked += 1

    async def _named(self, image: UUID, tag: Tag) -> Digest | None:
        try:
            return (await self.content.manifest(image, tag)).digest
        except ManifestUnknown:
            return None

    def _image(self) -> UUID:
        return self.chance.choice(self.images)

    def _tag(self) -> Tag:
        return self.chance.choice(TAGS)

    def _bytes(self) -> bytes:
        return f"layer {self.chance.randrange(_POOL)}".encode() * 500


def _is_top(body: bytes) -> bool:
    """Whether it is an index that is never put into another."""
    return f'"{_TOP}"'.encode() in body
