"""The new enemy: Bob is removed, then something is pushed, then Bob pulls it where the removal is not known (§3.5).

One gateway is frozen: it has every right of before and hears nothing more. What it serves of content pushed later is
what this is about.
"""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from contracts.storage_parts import MemoryStorage
from faults.cutting_proxy import cutting_proxy
from faults.fleet import Door, Fleet, client_of, door
from faults.permissions_process import PermissionsProcess
from faults.revocations import Stage, ground
from moorage.access.consistency import ORIGIN
from moorage.distribution.content import Content, Referrers, StoredManifest, TagPage
from moorage.oci.digest import Digest
from moorage.oci.reference import Reference
from permissions.sample_facts import grant, user

WORKSPACE: Final = "acme"
OWNER: Final = "carol"
STAGE: Final = Stage("enemy", WORKSPACE)
IMAGE: Final = f"{WORKSPACE}/{STAGE.image}"
MANIFEST_TYPE: Final = "application/vnd.oci.image.manifest.v1+json"
_CONFIG: Final = b"{}"


class Tokenless:
    """Content without its consistency tokens: what a registry without the protection has. All else is `content`'s."""

    def __init__(self, content: Content) -> None:
        self._content = content

    def __getattr__(self, name: str) -> Any:
        return getattr(self._content, name)

    async def manifest(self, image: UUID, reference: Reference) -> StoredManifest:
        """See Content."""
        return replace(await self._content.manifest(image, reference), token=str(ORIGIN))

    async def tags(self, image: UUID, limit: int, after: str = "") -> TagPage:
        """See Content."""
        return replace(await self._content.tags(image, limit, after), token=str(ORIGIN))

    async def referrers(self, image: UUID, subject: Digest) -> Referrers:
        """See Content."""
        return replace(await self._content.referrers(image, subject), token=str(ORIGIN))


@dataclass
class Scene:
    """Carol's gateway, which hears everything, and Bob's, which is frozen."""

    fleet: Fleet
    here: Door
    frozen: Door
    carol: str
    bobs: Mapping[int, str]

    async def play(self, number: int) -> tuple[int, int, int]:
        """One round: the frozen gateway's answers for what it knows, for the new tag, and for the new digest."""
        await self.fleet.tell([_right(number, "none")])
        digest = await self._push(number)
        bob, there = self.bobs[number], self.frozen
        known = await there.ask("GET", f"/v2/{IMAGE}/tags/list?n=0", bob)
        by_tag = await there.ask("GET", f"/v2/{IMAGE}/manifests/round-{number}", bob)
        by_digest = await there.ask("HEAD", f"/v2/{IMAGE}/manifests/{digest}", bob)
        return known.status, by_tag.status, by_digest.status

    async def _push(self, number: int) -> Digest:
        body = _manifest(number)
        path, headers = f"/v2/{IMAGE}/manifests/round-{number}", {"Content-Type": MANIFEST_TYPE}
        answer = await self.here.ask("PUT", path, self.carol, data=body, headers=headers)
        assert answer.status == 201, answer
        return Digest.of(body)


@asynccontextmanager
async def scene(
    permissions: PermissionsProcess, folder: Path, rounds: int, *, protected: bool = True, cut_off: bool = False
) -> AsyncIterator[Scene]:
    """The stage set for so many rounds. `cut_off`: the frozen gateway can't ask the authority either."""
    stored = MemoryStorage().content
    port = int(permissions.url.rpartition(":")[2])
    async with AsyncExitStack() as stack:
        proxy = await stack.enter_async_context(cutting_proxy(port))
        direct = await stack.enter_async_context(client_of(permissions))
        delayed = await stack.enter_async_context(client_of(permissions, proxy.port))
        here = await stack.enter_async_context(door(direct, direct, folder, stored))
        content = stored if protected else Tokenless(stored)
        authority = delayed if cut_off else direct
        frozen = await stack.enter_async_context(door(authority, delayed, folder, content))
        fleet = Fleet(permissions, direct, [here, frozen])
        await _set(fleet, rounds)
        carol = await fleet.bearer(OWNER, IMAGE)
        await _config(here, carol)
        bobs = {number: await fleet.bearer(_bob(number), IMAGE) for number in range(rounds)}
        await fleet.caught_up(await fleet.tell([user("last")]))
        for each in fleet.doors:
            assert (await each.ask("GET", f"/v2/{IMAGE}/tags/list?n=0", bobs[0])).status == 200
        proxy.stall()
        try:
            yield Scene(fleet, here, frozen, carol, bobs)
        finally:
            proxy.go_on()


async def _set(fleet: Fleet, rounds: int) -> None:
    facts = [*ground(WORKSPACE, OWNER), *STAGE.base(), STAGE.direct("admin")]
    for number in range(rounds):
        facts += [user(_bob(number)), _right(number, "read")]
    for at in range(0, len(facts), 1000):
        await fleet.tell(facts[at : at + 1000])
    await fleet.image(OWNER, WORKSPACE, STAGE.image, STAGE.repository)


async def _config(there: Door, carol: str) -> None:
    path = f"/v2/{IMAGE}/blobs/uploads/?digest={Digest.of(_CONFIG)}"
    assert (await there.ask("POST", path, carol, data=_CONFIG)).status == 201


def _bob(number: int) -> str:
    return f"bob-{number}"


def _right(number: int, role: str) -> bytes:
    return grant(f"repository:{STAGE.repository}", f"user:{_bob(number)}", role, of=WORKSPACE)


def _manifest(number: int) -> bytes:
    config = {
        "mediaType": "application/vnd.oci.empty.v1+json",
        "digest": str(Digest.of(_CONFIG)),
        "size": len(_CONFIG),
    }
    return json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST_TYPE,
            "config": config,
            "layers": [],
            "annotations": {"round": str(number)},
        }
    ).encode()
