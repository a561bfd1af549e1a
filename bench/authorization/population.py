"""Image records in the world, and questions about them."""

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from bench.authorization.progress import bar
from bench.authorization.site import Site
from bench.authorization.world import Place
from faults.fleet import client_of, identity_of
from moorage.access import wire
from moorage.access.action import Action
from moorage.access.principal import Identity
from moorage.access.problems import AlreadyExists, NotFound, Problem
from moorage.gateway.adapters.authority_client import AuthorityClient
from permissions.sample_facts import member, user

_IMAGES: Final = 3000
_AT_ONCE: Final = 8
_PATIENCE: Final = 600
SEED: Final = 20261124


@dataclass(frozen=True, slots=True)
class Held:
    """An image of the world, linked to the n-th repository of its place."""

    place: Place
    repository: int

    @property
    def name(self) -> str:
        """Inside its workspace."""
        return f"{self.place.repository(self.repository)}/api"


@dataclass(frozen=True, slots=True)
class Question:
    """May the n-th user of the image's place do this?"""

    image: Held
    user: int
    identity: Identity
    action: Action

    def allowed(self) -> bool:
        """What follows from the world, without any product code."""
        return self.image.place.role(self.user, self.image.repository) >= (1 if self.action is Action.PULL else 2)

    def request(self) -> wire.CheckRequest:
        """The question to the authority."""
        body = wire.IdentityBody.of(self.identity)
        image = self.image
        return wire.CheckRequest(identity=body, workspace=image.place.name, image=image.name, action=self.action)


def owner_of(workspace: str) -> str:
    """Who makes image records there."""
    return f"boss-{workspace}"


async def owners(site: Site) -> None:
    """Tells of an owner in each workspace."""
    for place in site.world.places:
        boss = owner_of(place.name)
        await site.live.tell([user(boss), member(boss, "owner", of=place.name)])


async def images(site: Site) -> Sequence[Held]:
    """Some thousand image records, made by the owners through the authority."""
    held = [
        Held(place, number * place.repositories // count)
        for place in site.world.places
        for count in [max(4, round(_IMAGES * site.world.scale * place.repositories / _total(site)))]
        for number in range(min(count, place.repositories))
    ]
    with bar("image records", len(held)) as progress:
        async with client_of(site.permissions) as authority:
            turns = asyncio.Semaphore(_AT_ONCE)

            async def one(each: Held) -> None:
                async with turns:
                    await record(authority, each.place.name, each.name, each.place.repository(each.repository))
                progress.step()

            await asyncio.gather(*map(one, held))
    return held


async def record(authority: AuthorityClient, workspace: str, name: str, repository: str) -> None:
    """The image record, as soon as its repository and its owner are known."""
    request = wire.CreateImageRequest(
        identity=identity_of(owner_of(workspace)), workspace=workspace, image=name, repository=repository
    )
    for attempt in range(_PATIENCE):
        try:
            await authority.create_image(request)
            return
        except AlreadyExists:
            return
        except (NotFound, Problem):
            if attempt == _PATIENCE - 1:
                raise
            await asyncio.sleep(0.05)


def questions(site: Site, held: Sequence[Held], count: int) -> list[Question]:
    """Random ones, three pulls to a push; one in two asks somebody whom the repository itself names."""
    chance = random.Random(SEED)
    asked = []
    for number in range(count):
        image = chance.choice(held)
        named = list(image.place.readers.things(image.repository)) if number % 2 else []
        who = chance.choice(named) if named else chance.randrange(image.place.users)
        account = f"u{(image.place.first + who) % site.world.users}"
        action = Action.PULL if chance.random() < 0.75 else Action.PUSH
        asked.append(Question(image, who, identity_of(account).value(), action))
    return asked


def _total(site: Site) -> int:
    return sum(place.repositories for place in site.world.places)
