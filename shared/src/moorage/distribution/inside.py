"""What our own services tell one another beside the public protocol (protocol.md §1.4).

Handlers note it on their answers, and only a server on the internal network turns the notes into headers. A body is
taken for a sealed one only if that server's gate has said so. Towards the public none of it exists.
"""

from collections.abc import AsyncIterator
from typing import Final

from aiohttp import web

from moorage.distribution.content import Piece
from moorage.oci.errors import Unavailable

NOTES: Final = web.ResponseKey("moorage.notes", dict[str, str])
"""Headers of an answer that are for our own services only."""

SEALED: Final = web.RequestKey("moorage.sealed", bool)
"""Set by the internal gate: the body of this request is a sealed one."""

LOCAL: Final = "local"
"""The token mode of what local facts decided, because the authority was away (authorization.md §3.5)."""

WHOLE: Final = b"\x01"
BROKEN: Final = b"\x00"


IMAGE_PATH: Final = "/internal/v1/images/{image}"
"""An image as a whole; DELETE drops all it holds, GET says in a word what that is."""

HELD: Final = "held"

LINK_PATH: Final = "/internal/v1/images/{image}/blobs/{digest}"
"""PUT with `?from=<uuid>` links a blob that the other image holds, or changes nothing: a mount without a session."""


DELETED_TAGS_PATH: Final = "/internal/v1/images/{image}/deleted-tags"
"""GET lists tags that can be restored, with `?n=` and `?last=` as lists of tags have them."""

RESTORE_TAG_PATH: Final = "/internal/v1/images/{image}/tags/{tag}/restore"
"""POST undoes the deletion of a tag; the answer's digest header says what it names."""

RESTORE_MANIFEST_PATH: Final = "/internal/v1/images/{image}/manifests/{digest}/restore"
"""POST undoes the deletion of a manifest."""


OUTSIDE: Final = web.RequestKey("moorage.outside", bool)
"""Set by the internal gate: the answer to this request goes to a client, and none of it is for our own services."""


async def notes_to_headers(request: web.Request, response: web.StreamResponse) -> None:
    """For `on_response_prepare` of an internal server."""
    if not request.get(OUTSIDE):
        response.headers.update(response.get(NOTES, {}))


class SealedBody:
    """A body and one byte more that says whether it ended WHOLE or BROKEN; the stream itself never fails.

    Between our services a body that breaks off at its source must not look like a broken connection: the other side
    would learn of it late, and its answer, that says what was kept, would be lost. `failure` is what broke it off.
    """

    def __init__(self, body: AsyncIterator[Piece]) -> None:
        self._body = body
        self._was_sent = False
        self.failure: Exception | None = None

    async def __aiter__(self) -> AsyncIterator[bytes]:
        if self._was_sent:  # an HTTP client that sends a request again: what flowed once can't flow twice
            self.failure = Unavailable("the connection inside the registry broke while the body was sent; try again")
            yield BROKEN
            return
        self._was_sent = True
        held = b""
        try:
            async for piece in self._body:
                if held:
                    yield held
                held = bytes(piece)  # a view is not good for longer than this turn
        except Exception as error:  # whatever stops the source stops the body; who sends it raises it again
            self.failure = error
        yield held + (BROKEN if self.failure else WHOLE)


async def unsealed(body: AsyncIterator[Piece]) -> AsyncIterator[Piece]:
    """What a SealedBody was made of. Raises ConnectionResetError at its end if that broke off."""
    seal = b""
    async for piece in body:
        if seal:
            yield seal
        if len(piece) > 1:
            yield piece[:-1]
        seal = bytes(piece[-1:])
    if seal != WHOLE:
        raise ConnectionResetError("the body broke off at its source")
