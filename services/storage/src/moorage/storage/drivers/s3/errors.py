"""What S3 and its client say, in the registry's words (R86). Nothing of a request is logged: it may hold a secret."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import aiohttp
import structlog
from botocore.exceptions import BotoCoreError, ClientError

from moorage.oci.errors import StorageFull, Unavailable
from moorage.storage.ports import ObjectMissing

_MISSING: Final = frozenset({"NoSuchKey", "NoSuchUpload", "NotFound", "404"})
_THERE: Final = frozenset({"PreconditionFailed", "ConditionalRequestConflict", "412"})
_FULL: Final = frozenset({"QuotaExceeded", "InsufficientStorage", "XMinioStorageFull", "507"})
_BEHIND_THE_END: Final = frozenset({"InvalidRange", "416"})
_log: Final = structlog.stdlib.get_logger(__name__)


class ObjectThere(Exception):
    """Something lies under the key already, and was not overwritten."""


class NothingBehindTheEnd(Exception):
    """A range was asked for that starts behind the end of the object."""


@contextmanager
def translated() -> Iterator[None]:
    """Around a call of the client: ObjectMissing, ObjectThere, StorageFull, and Unavailable for everything else."""
    try:
        yield
    except ClientError as error:
        raise _meaning(error) from error
    except (BotoCoreError, aiohttp.ClientError, TimeoutError, OSError) as error:
        _log.error("S3 can't be used", error=type(error).__name__)
        raise Unavailable("the registry's storage can't be reached right now") from error


def code_of(error: ClientError) -> str:
    """The store's word for what went wrong; its HTTP status where it gives none, as to a HEAD."""
    response: Any = error.response
    return str(response.get("Error", {}).get("Code", "unknown"))


def _meaning(error: ClientError) -> Exception:
    code = code_of(error)
    if code in _MISSING:
        return ObjectMissing()
    if code in _THERE:
        return ObjectThere()
    if code in _BEHIND_THE_END:
        return NothingBehindTheEnd()
    _log.error("S3 refused", error=code, operation=error.operation_name)
    if code in _FULL:
        return StorageFull("the registry's storage is full; nothing was stored")
    return Unavailable("the registry's storage can't be used right now")
