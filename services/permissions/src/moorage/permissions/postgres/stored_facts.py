"""Facts of any kind as one relation: their slots, what is held, and what an event would say."""

from dataclasses import dataclass
from typing import Any

from moorage.events.facts import PREFIX
from moorage.permissions.reconcile.tables import MODELS
from moorage.permissions.reconcile_stores import Kept
from moorage.permissions.slots import Slot, Table
from moorage.permissions.versions import Held


@dataclass(frozen=True, slots=True)
class StoredRow:
    """A row of stored_fact."""

    tab: str
    ws: int
    a: int
    b: int
    ver: int
    fingerprint: int
    rank: int
    src: int
    there: bool
    data: dict[str, Any]

    def value(self) -> Kept:
        """As the use cases know it."""
        table = Table(self.tab)
        return Kept(
            Slot(table, self.ws, self.a, self.b),
            Held(self.ver, self.fingerprint, self.rank),
            self.src,
            self.there,
            PREFIX + MODELS[table].suffix,
            self.data,
        )
