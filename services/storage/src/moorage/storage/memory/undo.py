"""What was deleted by hand: moved aside, moved back."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from moorage.oci.digest import Digest
from moorage.oci.errors import ManifestBlobUnknown
from moorage.oci.reference import Tag
from moorage.storage.collection import Kind
from moorage.storage.memory.tables import DeletedManifest, DeletedTagEntry, MemoryTables
from moorage.storage.ports import Restorer
from moorage.storage.tag_store import TagMove


def set_aside(tables: MemoryTables, image: UUID, digest: Digest) -> None:
    """Moves a manifest without tags aside."""
    entry = tables.drop_manifest(image, digest)
    if entry is not None:
        tables.deleted_manifests[image, digest] = DeletedManifest(entry, tables.clock.now())


def set_tag_aside(tables: MemoryTables, image: UUID, tag: Tag, principal: str) -> bool:
    """Whether there was a tag to move aside."""
    entry = tables.drop_tag(image, tag)
    if entry is None:
        return False
    tables.history.append((image, TagMove(tag, entry.digest, None, principal)))
    tables.deleted_tags[image, tag] = DeletedTagEntry(entry, tables.clock.now(), principal)
    return True


def bring_back(
    tables: MemoryTables, image: UUID, digest: Digest, restorer: Restorer, window: timedelta | None
) -> list[Digest]:
    """The manifests that are back. Raises ManifestBlobUnknown before anything has changed."""
    first = tables.deleted_manifests.get((image, digest))
    if first is None or (window is not None and first.deleted_at <= tables.clock.now() - window):
        return []
    back = _family(tables, image, digest)
    _verify(tables, image, back)
    for each in back:
        entry = tables.deleted_manifests.pop((image, each)).entry
        token, now = max(entry.token, restorer.token), tables.clock.now()
        tables.manifests[image, each] = replace(entry, token=token, told_at=now)
        tables.review(Kind.MANIFEST, image, [each])
    return back


def _family(tables: MemoryTables, image: UUID, digest: Digest) -> list[Digest]:
    found, waiting = dict[Digest, None](), [digest]
    while waiting:
        each = waiting.pop()
        if each not in found and (image, each) in tables.deleted_manifests:
            found[each] = None
            waiting += tables.deleted_manifests[image, each].entry.children
    return list(found)


def _verify(tables: MemoryTables, image: UUID, back: list[Digest]) -> None:
    entries = [tables.deleted_manifests[image, each].entry for each in back]
    missing = [d for entry in entries for d in entry.blobs if (image, d) not in tables.links]
    missing += [d for e in entries for d in e.children if d not in back and (image, d) not in tables.manifests]
    if missing:
        raise ManifestBlobUnknown(
            f"it can't be restored: the image does not hold {missing[0]} any more",
            detail={"digests": sorted(map(str, missing))[:10]},
        )
