"""What services say to one another about images that are over: restored, listed, dropped in the end (§1.9).

Operations as in moorage.access.wire.
"""

from typing import Final
from uuid import UUID

from pydantic import Field

from moorage.access.wire import Answer, IdentityBody, Request

MOST_PURGED: Final = 1000


class RestoreImageRequest(Request):
    """Undo a deletion: the same image again, with what it held. Needs what deleting it needs."""

    identity: IdentityBody
    id: UUID


class ListDeletedImagesRequest(Request):
    """The deleted images of a workspace that `identity` can restore, by name, after `cursor`."""

    identity: IdentityBody
    workspace: str
    cursor: str | None = None
    limit: int = Field(default=100, ge=1, le=1000)


class PurgeableRequest(Request):
    """Which images' content is to be dropped? From the answer on these are never restored."""

    limit: int = Field(default=100, ge=1, le=MOST_PURGED)


class PurgeableAnswer(Answer):
    """Images by id, in any order; told until their content is said to be gone."""

    images: list[UUID]


class PurgedRequest(Request):
    """The content of these images is gone."""

    images: list[UUID] = Field(max_length=MOST_PURGED)


class PurgedAnswer(Answer):
    """For how many of them that is news."""

    purged: int


class UnpushedRequest(Request):
    """Which images were made by a first push a week ago or earlier, of which nobody has seen any content (I5)?

    They are told oldest first, from behind the image `after` on.
    """

    after: UUID | None = None
    limit: int = Field(default=100, ge=1, le=MOST_PURGED)


class UnpushedAnswer(Answer):
    """Images by id, oldest first; told until they are looked into, and as long as a push to them goes on."""

    images: list[UUID]


class LookedIntoRequest(Request):
    """Which of them have manifests, and which nothing at all: those end."""

    holding: list[UUID] = Field(default_factory=list, max_length=MOST_PURGED)
    empty: list[UUID] = Field(default_factory=list, max_length=MOST_PURGED)


class LookedIntoAnswer(Answer):
    """How many have ended by it."""

    ended: int
