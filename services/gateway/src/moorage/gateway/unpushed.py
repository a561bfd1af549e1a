"""Looks what has come of first pushes: a record that stays empty ends after a week (authorization.md §1.9, I5).

The gateway does it because it knows both sides: permissions made the record, storage knows what it holds.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final
from uuid import UUID

from moorage.access.deletion_wire import LookedIntoRequest, UnpushedRequest
from moorage.distribution.content import Content, Held
from moorage.gateway.ports import Authority

UNPUSHED_INTERVAL: Final = timedelta(hours=1)
_AT_ONCE: Final = 20
"""What is found out of so many is told at once: it should not be old news."""


class Unpushed:
    """`run` is for who repeats it, not too soon; any number of gateways may."""

    def __init__(self, authority: Authority, content: Content) -> None:
        self._authority = authority
        self._content = content
        self._left: frozenset[UUID] = frozenset()
        """What held blobs and nothing else at the last run: whoever pushed these has given up if it still is so."""

    async def run(self) -> int:
        """Looks at all of them; how many have ended. What is being pushed just now is left for the next run.

        Raises ServiceUnavailable, RegistryError.
        """
        ended, left, after = 0, set[UUID](), None
        while images := (await self._authority.unpushed(UnpushedRequest(after=after, limit=_AT_ONCE))).images:
            held = {image: await self._content.held(image) for image in images}
            left |= {image for image in images if held[image] is Held.BLOBS}
            ended += await self._tell(
                [image for image in images if held[image] is Held.MANIFESTS],
                [image for image in images if held[image] is Held.NOTHING or image in left & self._left],
            )
            after = images[-1]
        self._left = frozenset(left)
        return ended

    async def _tell(self, holding: Sequence[UUID], empty: Sequence[UUID]) -> int:
        if not holding and not empty:
            return 0
        found = LookedIntoRequest(holding=list(holding), empty=list(empty))
        return (await self._authority.looked_into(found)).ended
