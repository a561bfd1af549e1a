"""Pins: since when a workspace's freshness is held, told to readers whenever it changes (§3.7)."""

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from typing import Final

from moorage.permissions import rows
from moorage.permissions.ports import Change

SWEEP: Final = "sweep"
CHECKSUM: Final = "checksum"
"""Keys of pins that no record has caused; the keys of facts have a colon."""


@asynccontextmanager
async def pinning(change: Change, workspaces: Collection[int]) -> AsyncIterator[None]:
    """Tells what becomes of the workspaces' pins in the body."""
    before = {ws: await change.intake.pins(ws) for ws in workspaces}
    yield
    for ws, since in before.items():
        after = await change.intake.pins(ws)
        if after != since:
            change.log.append(rows.pin_row(ws, after))
