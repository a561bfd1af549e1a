"""What the operating system says of files, in the registry's words (R86)."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import structlog

from moorage.oci.errors import StorageFull, Unavailable
from moorage.storage.ports import ObjectMissing, ObjectUnreadable

_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_log: Final = structlog.stdlib.get_logger(__name__)


@contextmanager
def translated() -> Iterator[None]:
    """Around work on files: ObjectMissing for no such file, StorageFull, and Unavailable for everything else."""
    try:
        yield
    except FileNotFoundError as error:
        raise ObjectMissing from error
    except OSError as error:
        _log.error("The file system refused", error=errno.errorcode.get(error.errno or 0, "unknown"))
        if error.errno in _FULL:
            raise StorageFull("the registry's storage is full; nothing was stored") from error
        kind = ObjectUnreadable if error.errno == errno.EIO else Unavailable
        raise kind("the registry's storage can't be used right now") from error
