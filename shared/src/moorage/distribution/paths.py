"""What a path under `/v2/` names: parsed once, from the raw target, into a closed set of values (R2 to R5, R68).

Nothing is decoded: the grammars of names, tags and digests need no percent-encoding, so an encoded dot, slash or NUL
has no meaning here but "malformed". The one exception is `%3A`, which some clients send for the colon of a digest.
"""

import re
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from moorage.oci.digest import Digest
from moorage.oci.errors import NameInvalid, NameUnknown, UploadUnknown
from moorage.oci.reference import MAX_NAME, ImageName, Reference, parse_reference

ROOT: Final = "/v2/"
_UUID: Final = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")
_COLON: Final = re.compile(r"%3[Aa]")


@dataclass(frozen=True, slots=True)
class Ping:
    """`/v2/`."""

    def __str__(self) -> str:
        return ROOT


@dataclass(frozen=True, slots=True)
class Blob:
    """`/v2/<name>/blobs/<digest>`."""

    name: str
    digest: Digest

    def __str__(self) -> str:
        return f"{ROOT}{self.name}/blobs/{self.digest}"


@dataclass(frozen=True, slots=True)
class Manifest:
    """`/v2/<name>/manifests/<tag or digest>`."""

    name: str
    reference: Reference

    def __str__(self) -> str:
        return f"{ROOT}{self.name}/manifests/{self.reference}"


@dataclass(frozen=True, slots=True)
class Uploads:
    """`/v2/<name>/blobs/uploads/`, where an upload session is opened."""

    name: str

    def __str__(self) -> str:
        return f"{ROOT}{self.name}/blobs/uploads/"


@dataclass(frozen=True, slots=True)
class Upload:
    """`/v2/<name>/blobs/uploads/<uuid>`."""

    name: str
    session: UUID

    def __str__(self) -> str:
        return f"{ROOT}{self.name}/blobs/uploads/{self.session}"


@dataclass(frozen=True, slots=True)
class Tags:
    """`/v2/<name>/tags/list`."""

    name: str

    def __str__(self) -> str:
        return f"{ROOT}{self.name}/tags/list"


@dataclass(frozen=True, slots=True)
class Referrers:
    """`/v2/<name>/referrers/<digest>`."""

    name: str
    subject: Digest

    def __str__(self) -> str:
        return f"{ROOT}{self.name}/referrers/{self.subject}"


Place = Ping | Blob | Manifest | Uploads | Upload | Tags | Referrers
"""What a request is about; `str()` of a place is its path again."""


def parse(raw_path: str, max_name: int = MAX_NAME) -> Place:
    """The place that the path of a request target (still encoded, without query) names.

    Split from the right, because a name may itself contain `blobs`, `manifests` or `tags`. Raises NameInvalid,
    DigestInvalid, UploadUnknown (not a session's id), NameUnknown (no path of this API).
    """
    if raw_path in (ROOT, ROOT.rstrip("/")):
        return Ping()
    segments = raw_path.removeprefix(ROOT).split("/") if raw_path.startswith(ROOT) else []
    match segments:
        case [*name, "blobs", "uploads"] | [*name, "blobs", "uploads", ""]:
            return Uploads(_name(name, max_name))
        case [*name, "tags", "list"]:
            return Tags(_name(name, max_name))
        case [*name, "manifests", reference]:
            return Manifest(_name(name, max_name), parse_reference(_with_colon(reference)))
        case [*name, "referrers", digest]:
            return Referrers(_name(name, max_name), Digest.parse(_with_colon(digest)))
        case [*name, "blobs", "uploads", session]:
            return Upload(_name(name, max_name), _session(session))
        case [*name, "blobs", digest]:
            return Blob(_name(name, max_name), Digest.parse(_with_colon(digest)))
    raise NameUnknown("this path is not one of the distribution API; it starts with /v2/<workspace>/<image>/")


def _name(segments: list[str], max_name: int) -> str:
    name = str(ImageName.parse("/".join(segments)))
    if len(name) > max_name:
        raise NameInvalid(f"an image name has at most {max_name} characters on this registry")
    return name


def _with_colon(text: str) -> str:
    return _COLON.sub(":", text)


def _session(text: str) -> UUID:
    if not _UUID.fullmatch(text):
        raise UploadUnknown("an upload session is named by the UUID in the Location that opened it")
    return UUID(text)
