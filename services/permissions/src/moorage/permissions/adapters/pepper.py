"""The key under which secrets are kept: a file that is made at the first start and that only we may read (R148)."""

import hashlib
import hmac
import os
import secrets
import stat
from pathlib import Path
from typing import Final

from moorage.runtime.lifecycle import CannotStart

FILE_NAME: Final = "credentials.pepper"
_BYTES: Final = 32


class PepperUnsafe(CannotStart):
    """The file can be read by others, or is not a key of ours; nothing starts with it (R150)."""


class FilePepper:
    """HMAC-SHA-256 with a key from a file."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    @classmethod
    def open(cls, folder: Path) -> "FilePepper":
        """The folder's key, made if there is none. Raises PepperUnsafe, OSError."""
        path = folder / FILE_NAME
        if not path.exists():
            _make(path)
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            raise PepperUnsafe(f"{path} must be readable by its owner only: chmod 600 {path}")
        key = path.read_bytes()
        if len(key) != _BYTES:
            raise PepperUnsafe(f"{path} does not hold a key of {_BYTES} bytes")
        return cls(key)

    def digest(self, secret: str) -> bytes:
        """What is kept of a secret."""
        return hmac.new(self._key, secret.encode(), hashlib.sha256).digest()

    def __repr__(self) -> str:
        return "FilePepper()"


def _make(path: Path) -> None:
    """Written aside and linked into place, so that of several first starts all use the one that came first."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_bytes(_BYTES))
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(draft, path)
        except FileExistsError:
            return
    finally:
        draft.unlink()
