"""Manifests and indexes: strict reading of bytes that are kept exactly as received (image-spec; R24-R29)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from moorage.oci import descriptor_json
from moorage.oci.descriptor import Descriptor
from moorage.oci.descriptor_json import Members
from moorage.oci.errors import ManifestInvalid, ManifestTooLarge, MediaTypeUnsupported
from moorage.oci.media_types import ManifestType
from moorage.oci.strict_json import MAX_JSON_DEPTH as MAX_JSON_DEPTH
from moorage.oci.strict_json import JsonRefused, read_json

MAX_MANIFEST_BYTES: Final = 4 * 1024 * 1024
MAX_REFERENCES: Final = 5000
_MEMBERS: Final = (
    "schemaVersion",
    "mediaType",
    "config",
    "layers",
    "manifests",
    "subject",
    "artifactType",
    "annotations",
)


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a registry needs to know of a manifest; the bytes are the truth."""

    media_type: ManifestType
    config: Descriptor | None
    layers: tuple[Descriptor, ...]
    children: tuple[Descriptor, ...]
    subject: Descriptor | None
    artifact_type: str | None
    annotations: Mapping[str, str]

    @property
    def blobs(self) -> tuple[Descriptor, ...]:
        """Config and layers."""
        return (self.config, *self.layers) if self.config else self.layers


def parse(body: bytes, content_type: str | None) -> Manifest:
    """Reads a manifest pushed as `content_type`. Raises ManifestInvalid, ManifestTooLarge, MediaTypeUnsupported."""
    if len(body) > MAX_MANIFEST_BYTES:
        raise ManifestTooLarge(f"a manifest has at most {MAX_MANIFEST_BYTES} bytes")
    pushed_as = None if content_type is None else supported(content_type)
    members = _members(body)
    descriptor_json.refuse_look_alikes(members, _MEMBERS, "the manifest")
    media_type = _agreed(pushed_as, members)
    _check_kind(media_type, members)
    return _manifest(media_type, members)


def _members(body: bytes) -> Members:
    try:
        document = read_json(body, max_bytes=MAX_MANIFEST_BYTES)
    except JsonRefused as error:
        raise ManifestInvalid(f"the manifest is not JSON that we read: {error}") from None
    if not isinstance(document, dict):
        raise ManifestInvalid("a manifest is a JSON object")
    return document


def supported(content_type: str) -> ManifestType:
    """The manifest type of a Content-Type, its parameters left out. Raises MediaTypeUnsupported (R29)."""
    essence = content_type.partition(";")[0].strip().lower()
    try:
        return ManifestType(essence)
    except ValueError:
        raise MediaTypeUnsupported(
            "this registry stores OCI image manifests and indexes, and Docker schema 2 manifests and lists"
        ) from None


def _agreed(pushed_as: ManifestType | None, members: Members) -> ManifestType:
    stated = descriptor_json.media_type(members, "mediaType", "the manifest")
    if pushed_as is None:
        if stated is None:
            raise ManifestInvalid("the manifest was pushed without Content-Type and has no mediaType")
        return supported(stated)
    if stated not in (None, pushed_as):
        raise ManifestInvalid(f"the manifest was pushed as {pushed_as}, its mediaType is {stated}")
    return pushed_as


def _check_kind(media_type: ManifestType, members: Members) -> None:
    version = members.get("schemaVersion")
    if isinstance(version, bool) or not isinstance(version, int) or version != 2:
        raise ManifestInvalid("schemaVersion must be 2")
    is_image, is_index = (
        any(members.get(key) is not None for key in keys) for keys in (("config", "layers"), ("manifests",))
    )
    if is_image and is_index:
        raise ManifestInvalid("a manifest has either manifests, or config and layers (CVE-2021-41190)")
    if media_type.is_index and is_image:
        raise ManifestInvalid("an index has neither config nor layers")
    if not media_type.is_index and members.get("config") is None:
        raise ManifestInvalid("an image manifest has a config")


def _manifest(media_type: ManifestType, members: Members) -> Manifest:
    _check_count(members)
    is_oci = media_type in (ManifestType.OCI_IMAGE, ManifestType.OCI_INDEX)
    return Manifest(
        media_type=media_type,
        config=descriptor_json.optional_descriptor(members, "config"),
        layers=descriptor_json.descriptors(members, "layers"),
        children=descriptor_json.descriptors(members, "manifests"),
        # Docker's types know neither; there the names are unknown fields like any other.
        subject=descriptor_json.optional_descriptor(members, "subject") if is_oci else None,
        artifact_type=descriptor_json.media_type(members, "artifactType", "the manifest") if is_oci else None,
        annotations=descriptor_json.annotations(members, "the manifest"),
    )


def _check_count(members: Members) -> None:
    lists = (members.get("layers"), members.get("manifests"))
    count = sum(len(value) for value in lists if isinstance(value, list)) + (members.get("config") is not None)
    if count > MAX_REFERENCES:
        raise ManifestInvalid(f"a manifest names at most {MAX_REFERENCES} blobs or manifests")
