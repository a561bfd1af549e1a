"""Which objects this process has verified, and for how long that counts (R92, docs/decisions/0014). No I/O."""

from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from moorage.runtime.clock import Clock, SystemClock
from moorage.storage.object_file import Identity

LASTS: Final = timedelta(hours=24)
SETTLED: Final = timedelta(seconds=2)
_MOST: Final = 65_536


@dataclass(frozen=True, slots=True)
class _Mark:
    identity: Identity
    at: float


class VerifiedObjects:
    """Marks of objects all of whose bytes were read and had their digest, the oldest forgotten first.

    A mark holds while the file is the same by its identity, and `lasts` at most: then the bytes are read again. A file
    that was changed less than SETTLED before the reading began gets none, because the kernel's times are coarse:
    another change right after it could leave them as they are.
    """

    def __init__(self, clock: Clock | None = None, lasts: timedelta = LASTS, most: int = _MOST) -> None:
        self._clock = clock or SystemClock()
        self._lasts = lasts
        self._most = most
        self._marks: OrderedDict[UUID, _Mark] = OrderedDict()

    def now(self) -> datetime:
        """When a reading begins, for `note`."""
        return self._clock.now()

    def note(self, key: UUID, identity: Identity, began: datetime) -> None:
        """All bytes were found right by a reading that began then; the file was the same before and after it."""
        changed = max(identity.modified_ns, identity.changed_ns) / 1e9
        if began.timestamp() - changed < SETTLED.total_seconds():
            return
        self._marks[key] = _Mark(identity, self._clock.monotonic())
        self._marks.move_to_end(key)
        if len(self._marks) > self._most:
            self._marks.popitem(last=False)

    def holds(self, key: UUID, identity: Identity) -> bool:
        """Whether what is open under the key was verified, and is the same since."""
        mark = self._marks.get(key)
        if mark is None:
            return False
        if mark.identity == identity and self._clock.monotonic() - mark.at < self._lasts.total_seconds():
            return True
        del self._marks[key]
        return False
