"""Records that a first push made and nothing was pushed to: they end after a week (authorization.md §1.9, I5)."""

from datetime import timedelta
from typing import Final

import structlog

from moorage.access import deletion_wire
from moorage.permissions import image_changes
from moorage.permissions.images import store
from moorage.permissions.ports import Change, Ledger
from moorage.runtime.clock import Clock

KEPT_FOR: Final = timedelta(days=7)
_BY: Final = "moorage"
_log: Final = structlog.stdlib.get_logger(__name__)


class Unpushed:
    """What of first pushes may be empty is told to who knows storage, and ends if that finds nothing.

    As if an admin had deleted it: should something have come in that very moment, it can be restored.
    """

    def __init__(self, ledger: Ledger, clock: Clock, undo_window: timedelta = image_changes.UNDO_WINDOW) -> None:
        self._ledger = ledger
        self._clock = clock
        self._undo_window = undo_window

    async def page(self, request: deletion_wire.UnpushedRequest) -> deletion_wire.UnpushedAnswer:
        """Those that storage has to be asked about, oldest first."""
        async with self._ledger.viewing() as view:
            found = await view.images.unpushed(self._clock.now() - KEPT_FOR, request.limit, request.after)
        return deletion_wire.UnpushedAnswer(images=[each.record.id for each in found])

    async def judge(self, request: deletion_wire.LookedIntoRequest) -> deletion_wire.LookedIntoAnswer:
        """Keeps those that hold something, for good, and ends the others. What `page` would not tell is left alone."""
        async with self._ledger.changing() as change:
            change.log.by = _BY
            await change.images.see_content(request.holding)
            return deletion_wire.LookedIntoAnswer(ended=await self._end(change, request))

    async def _end(self, change: Change, request: deletion_wire.LookedIntoRequest) -> int:
        now, empty = self._clock.now(), set(request.empty) - set(request.holding)
        ended = await change.images.unpushed(now - KEPT_FOR, deletion_wire.MOST_PURGED, among=empty) if empty else []
        for image in ended:
            await store(change, image_changes.deleted(image, now, self._undo_window))
            name = f"{image.workspace_slug}/{image.record.name}"
            _log.info("An image to which nothing was ever pushed has ended.", image=name)
        return len(ended)
