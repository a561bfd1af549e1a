"""Looks what has come of first pushes: a record that stays empty ends after a week (authorization.md §1.9, I5).

The gateway does it because it knows both sides: permissions made the record, storage knows what it holds.
"""

from datetime import timedelta
from typing import Final

from moorage.access.deletion_wire import MOST_PURGED, LookedIntoRequest, UnpushedRequest
from moorage.distribution.content import Content, Held
from moorage.gateway.ports import Authority

UNPUSHED_INTERVAL: Final = timedelta(hours=1)


class Unpushed:
    """`run` is for who repeats it; any number of gateways may."""

    def __init__(self, authority: Authority, content: Content) -> None:
        self._authority = authority
        self._content = content

    async def run(self) -> int:
        """Looks at the oldest of them; how many images have ended. What is being pushed just now is left for later.

        Raises ServiceUnavailable, RegistryError.
        """
        images = (await self._authority.unpushed(UnpushedRequest(limit=MOST_PURGED))).images
        held = {image: await self._content.held(image) for image in images}
        holding = [image for image in images if held[image] is Held.MANIFESTS]
        empty = [image for image in images if held[image] is Held.NOTHING]
        if not holding and not empty:
            return 0
        return (await self._authority.looked_into(LookedIntoRequest(holding=holding, empty=empty))).ended
