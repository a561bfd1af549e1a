"""What mounting from an image, and into it, becomes when its repository changes: §1.9 row by row, through the wire.

Mounting from it asks for pull, mounting into it for push (§1.5); the tokens are from before the change.
"""

import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from uuid import uuid4

import pytest

from hostile.attacker import Answer, digest
from journeys.life import ADMIN, NUMBERS, OWNER, READER, WRITER, Life, refusal, workspace_is

MOUNTED = (201, None)
PLAIN_UPLOAD = (202, None)
"""Not mounted, and nothing said of why."""


@dataclass
class Shelf:
    """Another repository's image, into which the reader may push, and from which the writer may pull."""

    life: Life
    other: Life
    id: str

    @classmethod
    async def beside(cls, life: Life) -> "Shelf":
        """With tokens for both images."""
        other = Life(life.attacker, f"life{next(NUMBERS)}", layer=os.urandom(64))
        await other.begin()
        await other.grant(READER, "write")
        for user in (READER, WRITER):
            scopes = [f"repository:{each}:pull,push" for each in (life.image, other.image)]
            other.bearer[user] = await life.attacker.bearer(user, *scopes)
        return cls(life, other, await life.attacker.image_id(ADMIN, life.image))

    async def mount(self, user: str, source: Life, target: Life) -> tuple[int, str | None]:
        """The status, and the reason of a refusal."""
        path = f"/v2/{target.image}/blobs/uploads/?mount={digest(source.layer)}&from={source.image}"
        headers = [("Moorage-Authz-Min-Token", self.life.seen)]
        answer = await self.life.attacker.ask("POST", path, auth=self.other.bearer[user], headers=headers)
        return answer.status, _reason(answer)


def _reason(answer: Answer) -> str | None:
    return refusal(answer)[2] if answer.status >= 400 else None


async def _nothing(shelf: Shelf) -> None:
    shelf.life.seen = shelf.other.seen


async def _renamed(shelf: Shelf) -> None:
    await shelf.life.be("active", slug=f"{shelf.life.slug}-renamed")


async def _moved(shelf: Shelf) -> None:
    life, new = shelf.life, uuid4()
    for user, role in ((READER, "read"), (WRITER, "write")):
        await life.grant(user, "none")
        await life.grant(user, role, node="project", on=life.project)
    await life.be_project(new)
    life.project = new
    await life.be("active")


async def _archived(shelf: Shelf) -> None:
    await shelf.life.be("archived")


async def _deleted(shelf: Shelf) -> None:
    await shelf.life.be("deleted")


async def _deleted_and_left(shelf: Shelf) -> None:
    await shelf.life.be("deleted")
    await shelf.life.grant(READER, "none")


async def _undeleted(shelf: Shelf) -> None:
    await shelf.life.be("deleted")
    await shelf.life.be("active")


async def _transferred(shelf: Shelf) -> None:
    await shelf.life.be("transferred", to_workspace=str(uuid4()))


async def _relinked(shelf: Shelf) -> None:
    other = Life(shelf.life.attacker, f"life{next(NUMBERS)}", project=shelf.life.project)
    await other.be("active")
    path = f"/api/v1/images/{shelf.id}/repository"
    answer = await shelf.life.manage(OWNER, "PUT", path, {"repository": other.slug})
    assert answer.status == 200, answer.body


async def _image_deleted(shelf: Shelf) -> None:
    assert (await shelf.life.manage(ADMIN, "DELETE", f"/api/v1/images/{shelf.id}")).status == 200


async def _image_restored(shelf: Shelf) -> None:
    await _image_deleted(shelf)
    assert (await shelf.life.manage(ADMIN, "POST", f"/api/v1/images/{shelf.id}/restore?wait=all")).status == 200


async def _made_again(shelf: Shelf) -> None:
    await _image_deleted(shelf)
    made = {"name": shelf.life.image, "repository": str(shelf.life.id)}
    assert (await shelf.life.manage(ADMIN, "POST", "/api/v1/images", made)).status == 201


async def _suspended(shelf: Shelf) -> None:
    await workspace_is(shelf.life, "suspended")


@pytest.mark.parametrize(
    ("change", "from_it", "into_it"),
    [
        (_nothing, MOUNTED, MOUNTED),
        (_renamed, MOUNTED, MOUNTED),
        (_moved, PLAIN_UPLOAD, (403, "no_write")),
        (_archived, MOUNTED, (403, "repository_archived")),
        (_deleted, MOUNTED, (403, "detached")),
        (_deleted_and_left, PLAIN_UPLOAD, (403, "detached")),
        (_undeleted, MOUNTED, MOUNTED),
        (_transferred, MOUNTED, (403, "detached")),
        (_relinked, PLAIN_UPLOAD, (403, "record_missing")),
        (_image_deleted, PLAIN_UPLOAD, (403, "record_missing")),
        (_image_restored, MOUNTED, MOUNTED),
        (_made_again, PLAIN_UPLOAD, MOUNTED),
        (_suspended, (403, "suspended"), (403, "suspended")),
    ],
)
async def test_mounts_follow_the_rights_of_now(
    life: Life,
    change: Callable[[Shelf], Awaitable[None]],
    from_it: tuple[int, str | None],
    into_it: tuple[int, str | None],
) -> None:
    """The reader mounts from the image, the writer into it."""
    shelf = await Shelf.beside(life)
    await change(shelf)
    assert await shelf.mount(READER, life, shelf.other) == from_it
    assert await shelf.mount(WRITER, shelf.other, life) == into_it
