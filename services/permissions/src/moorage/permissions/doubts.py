"""Workspaces in doubt: what is known of them may lack something, so their freshness is held until it is told anew."""

from collections.abc import Collection
from datetime import UTC, datetime
from typing import Final

from moorage.permissions import rows
from moorage.permissions.ports import Change
from moorage.permissions.source_requests import want_snapshot
from moorage.permissions.stores import DeadLetter, Lane

_BEGINNING: Final = datetime.fromtimestamp(0, UTC)


async def doubt(change: Change, workspaces: Collection[int], key: str, why: str, at: datetime) -> None:
    """Holds them as if a record of each could not be applied: a completed snapshot settles both. `key`: `<what>:…`."""
    for workspace in workspaces:
        letter = DeadLetter(Lane(0), 0, key.partition(":")[0], why, b"", key)
        await change.intake.bury(letter, workspace, at, since=_BEGINNING)
        change.log.append(rows.pin_row(workspace, _BEGINNING))
        await want_snapshot(change, workspace, at)
