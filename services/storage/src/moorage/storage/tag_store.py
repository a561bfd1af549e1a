"""Where tags are kept. Every method may raise Unavailable. See tests/contracts."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol
from uuid import UUID

from moorage.distribution.content import DeletedTag
from moorage.oci.digest import Digest
from moorage.oci.reference import Tag
from moorage.storage.ports import Listed, Restorer


@dataclass(frozen=True, slots=True)
class TagMove:
    """One entry of a tag's history (R153): None before its first push and after its deletion."""

    tag: Tag
    before: Digest | None
    after: Digest | None
    principal: str


class TagStore(Protocol):
    """Names of manifests. See tests/contracts/metadata_manifests.py."""

    async def page(self, image: UUID, limit: int, after: str) -> list[Listed[Tag]]:
        """At most `limit` tags greater than `after`, by code point. `after` is valid Unicode without NUL."""
        ...

    async def delete(self, image: UUID, tag: Tag, principal: str) -> bool:
        """Whether there was one to delete; the manifest stays. Nobody sees it any more; see `restore`."""
        ...

    async def deleted(self, image: UUID, window: timedelta, limit: int, after: str) -> list[DeletedTag]:
        """At most `limit` tags greater than `after` that were deleted within `window` and not pushed since."""
        ...

    async def restore(self, image: UUID, tag: Tag, restorer: Restorer, window: timedelta) -> Digest | None:
        """What a tag that was deleted within `window` names again; None if there is none such.

        Its manifest comes back with it, as in `ManifestStore.restore`, which says what is raised too; and TagTaken if
        the tag was pushed since.
        """
        ...

    async def history(self, image: UUID, tag: Tag, limit: int) -> list[TagMove]:
        """Where the tag has pointed, newest first."""
        ...
