"""While a snapshot takes a workspace over, what its old source said has no say in what the new one tells (§2.5, §2.6).

Versions of two sources can't be compared: a revocation by the new one must not be beaten by a higher number of the old.
"""

from collections.abc import Collection
from uuid import UUID

from moorage.permissions.ports import Change
from moorage.permissions.records import Source
from moorage.permissions.slots import Slot


async def underway(change: Change) -> frozenset[UUID]:
    """The workspaces to which a snapshot is being applied."""
    return frozenset(run.workspace_id for run in await change.runs.open() if run.settled)


async def leftovers(change: Change, slots: Collection[Slot], source: Source) -> frozenset[Slot]:
    """Which of the slots still hold what another source has said, and are to be replaced whatever its version."""
    kept = await change.runs.kept(slots) if slots else []
    return frozenset(each.slot for each in kept if each.source != source.id)
