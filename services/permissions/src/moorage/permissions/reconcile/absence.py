"""The facts that say that something a snapshot does not have is gone."""

from typing import Any, Final

from moorage.events.decoding import Fact
from moorage.events.edge_facts import GrantSet, GroupMemberSet, WorkspaceMemberSet
from moorage.events.envelope import Origin
from moorage.events.facts import PREFIX
from moorage.permissions.reconcile.tables import MODELS
from moorage.permissions.reconcile_stores import Kept, Run

REASON: Final = "reconcile"


def absent(kept: Kept, run: Run) -> Fact:
    """The stored fact's end, at the position of the snapshot."""
    model = MODELS[kept.slot.table]
    gone: dict[str, Any] = {"state": "deleted"}
    if model is GroupMemberSet:
        gone = {"present": False}
    elif model in (GrantSet, WorkspaceMemberSet):
        gone = {"role": "none"}
    said = {**kept.data, **gone, "workspace": run.workspace_id, "version": run.as_of, "origin": REASON}
    data = model.model_validate(said)
    event = Origin(f"{REASON}:{run.name}", f"/moorage/{REASON}", PREFIX + model.suffix)
    return Fact(event, data, data.key())
