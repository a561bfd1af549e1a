"""The error codes of the distribution specification, and the errors of this registry that carry them."""

from enum import Enum
from typing import Any


class ErrorCode(Enum):
    """The fourteen codes of the OCI distribution specification (1.1, "Error Codes"), and ours for 503.

    A value is (code on the wire, HTTP status unless an error says otherwise).
    """

    BLOB_UNKNOWN = ("BLOB_UNKNOWN", 404)
    BLOB_UPLOAD_INVALID = ("BLOB_UPLOAD_INVALID", 400)
    BLOB_UPLOAD_UNKNOWN = ("BLOB_UPLOAD_UNKNOWN", 404)
    DIGEST_INVALID = ("DIGEST_INVALID", 400)
    MANIFEST_BLOB_UNKNOWN = ("MANIFEST_BLOB_UNKNOWN", 400)
    MANIFEST_INVALID = ("MANIFEST_INVALID", 400)
    MANIFEST_UNKNOWN = ("MANIFEST_UNKNOWN", 404)
    NAME_INVALID = ("NAME_INVALID", 400)
    NAME_UNKNOWN = ("NAME_UNKNOWN", 404)
    SIZE_INVALID = ("SIZE_INVALID", 400)
    UNAUTHORIZED = ("UNAUTHORIZED", 401)
    DENIED = ("DENIED", 403)
    UNSUPPORTED = ("UNSUPPORTED", 405)
    TOOMANYREQUESTS = ("TOOMANYREQUESTS", 429)
    UNAVAILABLE = ("UNAVAILABLE", 503)

    @property
    def status(self) -> int:
        """The HTTP status that goes with the code unless an error says otherwise."""
        return self.value[1]


class RegistryError(Exception):
    """A refusal with a code of the specification, a sentence for the person who reads it, and facts for programs.

    Subclasses are named for the cause. `status` is set only where it differs from the code's own.
    """

    code: ErrorCode
    status: int

    def __init__(
        self,
        message: str,
        *,
        detail: dict[str, Any] | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.detail = detail or {}
        self.headers = headers or {}

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "status" not in cls.__dict__ and "code" in cls.__dict__:
            cls.status = cls.code.status


class NameInvalid(RegistryError):
    """An image name or tag breaks the grammar (distribution-spec, "Pulling manifests")."""

    code = ErrorCode.NAME_INVALID


class NameUnknown(RegistryError):
    """No image of this name is available to who asks; absent and hidden look the same."""

    code = ErrorCode.NAME_UNKNOWN


class DigestInvalid(RegistryError):
    """A digest is malformed, or content does not have the digest it was announced with."""

    code = ErrorCode.DIGEST_INVALID


class ManifestInvalid(RegistryError):
    """A manifest breaks the image specification or this registry's rules (R24-R29)."""

    code = ErrorCode.MANIFEST_INVALID


class ManifestUnknown(RegistryError):
    """The image has no manifest under this tag or digest."""

    code = ErrorCode.MANIFEST_UNKNOWN


class ManifestBlobUnknown(RegistryError):
    """A manifest names a blob or child manifest that the image does not hold (R26)."""

    code = ErrorCode.MANIFEST_BLOB_UNKNOWN


class ManifestTooLarge(RegistryError):
    """A manifest body is larger than the limit (R24)."""

    code = ErrorCode.SIZE_INVALID
    status = 413


class MediaTypeUnsupported(RegistryError):
    """A manifest of a type this registry does not store (R29)."""

    code = ErrorCode.UNSUPPORTED
    status = 415


class TooManyTags(RegistryError):
    """More `?tag=` parameters than one push may carry (R31)."""

    code = ErrorCode.SIZE_INVALID
    status = 414


class TagTaken(RegistryError):
    """A deleted tag can't be restored because it was pushed again since."""

    code = ErrorCode.DENIED
    status = 409


class BlobUnknown(RegistryError):
    """The image holds no blob of this digest."""

    code = ErrorCode.BLOB_UNKNOWN


class UploadUnknown(RegistryError):
    """No upload session of this id is open for this image and principal (R68)."""

    code = ErrorCode.BLOB_UPLOAD_UNKNOWN


class UploadInvalid(RegistryError):
    """The upload session can't go on: cancelled content, relinked image, failed write."""

    code = ErrorCode.BLOB_UPLOAD_INVALID


class ChunkOutOfOrder(RegistryError):
    """A chunk does not start where the stored bytes end (R14-R16); nothing was changed."""

    code = ErrorCode.BLOB_UPLOAD_INVALID
    status = 416


class UploadBusy(RegistryError):
    """Another request is writing to this upload session (R89)."""

    code = ErrorCode.BLOB_UPLOAD_INVALID
    status = 409


class SizeInvalid(RegistryError):
    """A length that was announced is not the length that arrived."""

    code = ErrorCode.SIZE_INVALID


class BlobTooLarge(RegistryError):
    """A blob grew past the configured limit."""

    code = ErrorCode.SIZE_INVALID
    status = 413


class RangeNotSatisfiable(RegistryError):
    """A byte range that lies outside the blob (R10)."""

    code = ErrorCode.SIZE_INVALID
    status = 416


class Unauthenticated(RegistryError):
    """Nobody, or nobody we know, asks; `headers` carries the challenge."""

    code = ErrorCode.UNAUTHORIZED


class Denied(RegistryError):
    """The principal is known, and may not do this."""

    code = ErrorCode.DENIED


class Unsupported(RegistryError):
    """A method or parameter that this registry refuses."""

    code = ErrorCode.UNSUPPORTED


class ParameterInvalid(RegistryError):
    """A query parameter or header breaks its grammar."""

    code = ErrorCode.UNSUPPORTED
    status = 400


class TooManyRequests(RegistryError):
    """A limit on the rate or number of requests was reached; `headers` carries Retry-After."""

    code = ErrorCode.TOOMANYREQUESTS


class Unavailable(RegistryError):
    """We can't know or keep what is asked for right now. Never an allow, never a 403 or 404."""

    code = ErrorCode.UNAVAILABLE

    def __init__(self, message: str, *, detail: dict[str, Any] | None = None, retry_after_seconds: int = 5) -> None:
        super().__init__(message, detail=detail, headers={"Retry-After": str(retry_after_seconds)})


class StorageFull(Unavailable):
    """The disk or quota is exhausted (R86); nothing was stored."""

    status = 507
