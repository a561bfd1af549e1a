"""A page of deleted tags as our own services tell it to one another: JSON."""

from datetime import datetime
from typing import Any

from moorage.distribution.content import DeletedTag, DeletedTagPage
from moorage.oci.digest import Digest
from moorage.oci.reference import Tag


def document(page: DeletedTagPage) -> dict[str, Any]:
    """The page as JSON has it."""
    return {"tags": [_entry(tag) for tag in page.tags], "more": page.more}


def parse(document: Any) -> DeletedTagPage:
    """The page that a document says. Raises LookupError, ValueError or RegistryError for another one."""
    return DeletedTagPage(tuple(_tag(entry) for entry in document["tags"]), bool(document["more"]))


def _entry(tag: DeletedTag) -> dict[str, str]:
    return {
        "tag": tag.tag.text,
        "digest": str(tag.digest),
        "deleted_at": tag.deleted_at.isoformat(),
        "deleted_by": tag.deleted_by,
        "restorable_until": tag.restorable_until.isoformat(),
    }


def _tag(entry: dict[str, str]) -> DeletedTag:
    return DeletedTag(
        Tag.parse(entry["tag"]),
        Digest.parse(entry["digest"]),
        datetime.fromisoformat(entry["deleted_at"]),
        entry["deleted_by"],
        datetime.fromisoformat(entry["restorable_until"]),
    )
