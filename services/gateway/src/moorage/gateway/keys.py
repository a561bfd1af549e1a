"""The keys that sign our bearer tokens: files in one directory, read at start and again when a key id is unknown.

Rotation: add a file (`bearer-<later>.pem`), and remove the old one when its last token has expired. The newest signs,
all verify. Nothing a token says can bring in a key (R56).
"""

import os
import secrets
from datetime import datetime
from pathlib import Path
from typing import Final

import structlog
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from moorage.runtime.clock import Clock
from moorage.runtime.lifecycle import CannotStart

CURVE: Final = "P-256"
RESCAN_SECONDS: Final = 30.0
_PATTERN: Final = "bearer-*.pem"
_OPEN_TO_OTHERS: Final = 0o007
_log: Final = structlog.stdlib.get_logger(__name__)


class KeysUnusable(CannotStart):
    """The directory or a key file can't be used; the message says which, never what is in it."""


class KeyRing:
    """Verifies with every key of the directory and signs with the newest; its name sorts last."""

    def __init__(self, directory: Path, clock: Clock) -> None:
        """Makes the first key if there is none. Raises KeysUnusable."""
        self._directory = directory
        self._clock = clock
        self._keys: dict[str, ECKey] = {}
        self._scan(make_one=True)

    @property
    def signing(self) -> tuple[str, ECKey]:
        """The newest key and its id."""
        kid = next(reversed(self._keys))
        return kid, self._keys[kid]

    def find(self, kid: str) -> ECKey | None:
        """The key with this id. An unknown id makes the directory be read again, at most every 30 s."""
        if kid not in self._keys and self._clock.monotonic() - self._scanned_at >= RESCAN_SECONDS:
            self._scan_again()
        return self._keys.get(kid)

    def _scan_again(self) -> None:
        """Tokens are anybody's to send: a key file that is not finished yet must not fail the requests they come in."""
        try:
            self._scan(make_one=False)
        except KeysUnusable as error:
            _log.warning("The signing keys can't be read again; those read before stay in use", why=str(error))

    def _scan(self, *, make_one: bool) -> None:
        self._scanned_at = self._clock.monotonic()
        try:
            files = sorted(self._directory.glob(_PATTERN))
            if not files and make_one:
                files = [_make(self._directory, self._clock.now())]
            found = dict(map(_read, files))
        except OSError as error:
            raise KeysUnusable(f"{self._directory} can't be used: {error.strerror}") from error
        if found:
            self._keys = found


def _make(directory: Path, now: datetime) -> Path:
    """Writes a new key; a crash leaves no half-written file under the final name."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = directory / f"bearer-{now:%Y%m%dT%H%M%S}-{secrets.token_hex(4)}.pem"
    draft = path.with_suffix(".draft")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(ECKey.generate_key(CURVE).as_pem(private=True))
        file.flush()
        os.fsync(file.fileno())
    draft.rename(path)
    return path


def _read(path: Path) -> tuple[str, ECKey]:
    if path.stat().st_mode & _OPEN_TO_OTHERS:
        raise KeysUnusable(f"{path} may be read by others; a key file belongs to its owner (mode 0600)")
    try:
        key = ECKey.import_key(path.read_bytes())
    except (JoseError, ValueError) as error:
        raise KeysUnusable(f"{path} holds no key in PEM form") from error
    if not key.is_private or key.curve_name != CURVE:
        raise KeysUnusable(f"{path} holds no private key on {CURVE}")
    return key.thumbprint(), key
