"""The port that the handlers of the distribution API ask before they touch content: who is this, and may they?

The gateway's gate authenticates people and decides from its replica; storage's gate knows the gateway and takes UUIDs
for names. Handlers check syntax first, then ask the gate, then the content (protocol.md §1.2 "Order of checks").
"""

from dataclasses import dataclass
from typing import Final, Protocol, cast
from uuid import UUID

from aiohttp import web

from moorage.access.action import Action
from moorage.distribution import paths
from moorage.distribution.content import Actor
from moorage.oci.reference import MAX_NAME

_PLACE: Final = web.RequestKey("moorage.place", cast(type[paths.Place], object))  # a union is no class


def place_of(request: web.Request, max_name: int = MAX_NAME) -> paths.Place:
    """What the request is about, parsed once. Raises what `paths.parse` raises."""
    place = request.get(_PLACE)
    if place is None:
        place = request[_PLACE] = paths.parse(request.rel_url.raw_path, max_name)
    return place


@dataclass(frozen=True, slots=True)
class Admission:
    """A request that may go on: the image it means, the `<name>` it used (for Locations), and who acts."""

    image: UUID
    name: str
    actor: Actor


class Gate(Protocol):
    """Lets requests in or raises a RegistryError: Unauthenticated, NameUnknown, Denied, UploadInvalid, Unavailable."""

    async def ping(self, request: web.Request) -> None:
        """`GET /v2/`: raises Unauthenticated unless a valid credential is shown (R1)."""
        ...

    async def admit(self, request: web.Request, name: str, action: Action) -> Admission:
        """Decides `action` on the image that is called `name` now. Opening an upload may create the record (§1.7)."""
        ...

    async def admit_change(self, request: web.Request, name: str, action: Action) -> Admission:
        """The same, decided by the authority at head (manifests, tags, deletions); the actor carries its token."""
        ...

    async def mount_source(self, request: web.Request, source: str) -> UUID | None:
        """The image to mount from, if the caller may pull from it now; None gives no reason.

        Raises Unauthenticated (insufficient_scope) if the bearer token has no entry for it (protocol.md §7, 3).
        """
        ...

    async def settle(self, request: web.Request, admission: Admission, token: str) -> None:
        """Before content pushed at `token` is handed out: waits until the decision rests on a position not older.

        Raises what `admit` raises if the newer facts say so, Unavailable if they can't be had (§3.5).
        """
        ...
