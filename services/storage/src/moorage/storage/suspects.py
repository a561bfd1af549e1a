"""Blobs that a reader could not be served: looked at again off the request path, each at most once at a time."""

from collections.abc import Awaitable, Callable
from typing import Final

from moorage.oci.digest import Digest

_MOST: Final = 1000

Look = Callable[[Digest], Awaitable[object]]


class Suspects:
    """Digests that wait for a look. What is past the bound is not noted: the next reader or verification finds it."""

    def __init__(self, look: Look) -> None:
        self._look = look
        self._waiting: dict[Digest, None] = {}

    def report(self, digest: Digest) -> None:
        """Notes the digest and returns."""
        if len(self._waiting) < _MOST:
            self._waiting[digest] = None

    async def run(self) -> None:
        """Looks at all that wait. Raises what the look raises; that one then waits for the next run."""
        for digest in list(self._waiting):
            await self._look(digest)
            del self._waiting[digest]
