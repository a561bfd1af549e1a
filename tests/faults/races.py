"""Bob leaves a group, then the group gets a right: who asks all the time must never see Bob have it (§2.1, R115)."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

from faults.fleet import Door, Fleet
from faults.revocations import Stage
from permissions.sample_facts import group_member

LOAD: Final = 200
OWNER: Final = "carol"


@dataclass
class Race:
    """One group and one repository. The friend is in the group and stays there."""

    stage: Stage
    fleet: Fleet
    bob: str = ""
    friend: str = ""
    seen: set[int] = field(default_factory=set)
    """What Bob was answered meanwhile, at any gateway."""

    @property
    def image(self) -> str:
        """Its name on the wire."""
        return f"{self.stage.of}/{self.stage.image}"

    @property
    def before(self) -> Sequence[bytes]:
        """Both are in the group, which may do nothing."""
        stage = self.stage
        return [*stage.base(), stage.there(), group_member(stage.group, "bob"), stage.joined()]

    @property
    def left(self) -> bytes:
        """Bob is in the group no more."""
        return group_member(self.stage.group, "bob", present=False)

    @property
    def granted(self) -> bytes:
        """The group may pull."""
        return self.stage.through(f"repository:{self.stage.repository}", "read")

    async def prepare(self) -> None:
        """Makes the image record and the bearer tokens."""
        await self.fleet.image(OWNER, self.stage.of, self.stage.image, self.stage.repository)
        self.bob = await self.fleet.bearer("bob", self.image)
        self.friend = await self.fleet.bearer(self.stage.user, self.image)

    @asynccontextmanager
    async def watched(self, doors: Sequence[Door]) -> AsyncIterator[None]:
        """Bob asks these gateways without a pause until the body ends, and once more."""
        over = asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            for door in doors:
                tasks.create_task(self._watch(door, over))
            yield
            over.set()

    async def _watch(self, door: Door, over: asyncio.Event) -> None:
        while not over.is_set():
            self.seen.add(await self.pull(door, self.bob))
        self.seen.add(await self.pull(door, self.bob))

    async def pull(self, door: Door, auth: str) -> int:
        """How a pull is answered."""
        return (await door.ask("GET", f"/v2/{self.image}/tags/list?n=0", auth)).status


def crowd(number: int, size: int = LOAD) -> list[bytes]:
    """Changes that have nothing to do with it."""
    return [group_member(f"crowd-{number}", f"guest-{each}") for each in range(size)]
