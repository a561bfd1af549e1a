"""Descriptors and their parts, read from parsed JSON (image-spec, descriptor.md). Every refusal is ManifestInvalid."""

from collections.abc import Iterable, Mapping
from typing import Final

from moorage.oci.descriptor import Descriptor
from moorage.oci.digest import Digest
from moorage.oci.errors import DigestInvalid, ManifestInvalid

MAX_SIZE: Final = 2**63 - 1
MAX_MEDIA_TYPE: Final = 255
_MEMBERS: Final = ("mediaType", "digest", "size", "urls", "annotations", "artifactType")

Members = Mapping[str, object]
"""A JSON object; null and absent mean the same, as they do to most readers."""


def descriptor(value: object, place: str) -> Descriptor:
    """The descriptor at `place`, a JSON path for the message."""
    members = mapping(value, place)
    refuse_look_alikes(members, _MEMBERS, place)
    return Descriptor(
        media_type=required_media_type(members, place),
        digest=_digest(members, place),
        size=_size(members, place),
        annotations=annotations(members, place),
        artifact_type=media_type(members, "artifactType", place),
        urls=_urls(members, place),
    )


def optional_descriptor(members: Members, key: str) -> Descriptor | None:
    """The descriptor under `key` of the manifest, if there is one."""
    value = members.get(key)
    return None if value is None else descriptor(value, key)


def descriptors(members: Members, key: str) -> tuple[Descriptor, ...]:
    """The list of descriptors under `key` of the manifest; empty without one."""
    return tuple(descriptor(value, f"{key}[{i}]") for i, value in enumerate(_items(members, key, key)))


def mapping(value: object, place: str) -> Members:
    """The JSON object at `place`."""
    if not isinstance(value, dict):
        raise ManifestInvalid(f"{place} must be an object")
    return value


def refuse_look_alikes(members: Members, known: Iterable[str], place: str) -> None:
    """Refuses keys that differ from a known one in case only: Go's parser would take them for it."""
    folded = {name.casefold(): name for name in known}
    for key in members:
        name = folded.get(key.casefold())
        if name is not None and name != key:
            raise ManifestInvalid(f"{place} has a key that differs from {name} in case only")


def required_media_type(members: Members, place: str) -> str:
    """The media type that must be there."""
    found = media_type(members, "mediaType", place)
    if found is None:
        raise ManifestInvalid(f"{place} has no mediaType")
    return found


def media_type(members: Members, key: str, place: str) -> str | None:
    """The media type under `key`; an empty one counts as absent."""
    value = members.get(key)
    if value is None or value == "":
        return None
    if not isinstance(value, str) or len(value) > MAX_MEDIA_TYPE or not value.isascii() or not value.isprintable():
        raise ManifestInvalid(f"{place}: {key} must be a media type of at most {MAX_MEDIA_TYPE} characters")
    return value


def annotations(members: Members, place: str) -> dict[str, str]:
    """The annotations; empty without any."""
    value = members.get("annotations")
    if value is None:
        return {}
    return {_text(k, place): _text(v, place) for k, v in mapping(value, f"{place}: annotations").items()}


def _digest(members: Members, place: str) -> Digest:
    value = members.get("digest")
    if not isinstance(value, str):
        raise ManifestInvalid(f"{place} has no digest")
    try:
        return Digest.parse(value)
    except DigestInvalid as error:
        raise ManifestInvalid(f"{place}: {error.message}") from None


def _size(members: Members, place: str) -> int:
    value = members.get("size")
    # bool is an int in Python, not in JSON.
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MAX_SIZE:
        raise ManifestInvalid(f"{place} must have a size in bytes, from 0 to 2^63-1")
    return value


def _urls(members: Members, place: str) -> tuple[str, ...]:
    return tuple(_text(url, place) for url in _items(members, "urls", place))


def _items(members: Members, key: str, place: str) -> list[object]:
    value = members.get(key)
    if value is None:
        return []
    if not isinstance(value, list):
        raise ManifestInvalid(f"{place}: {key} must be a list")
    return value


def _text(value: object, place: str) -> str:
    if not isinstance(value, str):
        raise ManifestInvalid(f"{place}: annotations and urls are strings")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ManifestInvalid(f"{place} has half of a surrogate pair") from None
    return value
