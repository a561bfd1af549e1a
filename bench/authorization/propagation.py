"""From a record in Kafka to enforcement at all of three gateways, for every kind of fact, in quiet times (§3.9)."""

import asyncio
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import ceil
from typing import Final

from bench.authorization.figure import Goal, quantile
from bench.authorization.fleet import Casting, Lane, Person, casting, lanes, three_gateways
from bench.authorization.population import owners
from bench.authorization.progress import Bar, bar, said
from bench.authorization.site import Site
from bench.authorization.world import BIG, SMALL
from faults.fleet import client_of, identity_of
from faults.revocations import KINDS, Kind, credential_revoked
from moorage.access import wire
from moorage.access.image import Visibility
from permissions.sample_facts import member

REVOKED_P50: Final = Goal("revocation_enforced_p50", "ms", 100)
REVOKED_P99: Final = Goal("revocation_enforced_p99", "ms", 1000)
GRANTED_P50: Final = Goal("grant_enforced_p50", "ms", 100)
GRANTED_P99: Final = Goal("grant_enforced_p99", "ms", 1000)
EXPRESS_P99: Final = Goal("express_enforced_p99", "ms", 500)
SETTING_P50: Final = Goal("api_change_enforced_p50", "ms", 50)
SETTING_P99: Final = Goal("api_change_enforced_p99", "ms", 500)
CHANGES: Final = 2000
LANES: Final = 2
_AFTER: Final = 4
_SETTINGS: Final = 100
LEAKED: Final = Kind("credential", lambda s: [s.direct("write")], lambda _: [], lambda _: [], held=True)
"""Its fact names the credential, so it is made for each person."""


@dataclass
class Tally:
    """What was seen: milliseconds until enforcement, and what was allowed after it."""

    revoked: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    granted: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    asked_after: int = 0
    wrong: int = 0

    def all(self, found: Mapping[str, list[float]], express: bool = False) -> list[float]:
        """The milliseconds of all kinds; those of the express lane apart."""
        fast = {"deactivation", "credential"}
        return [each for kind, times in found.items() if (kind in fast) == express for each in times]


class Stagehand:
    """Takes rights away and gives them back."""

    def __init__(self, site: Site, tally: Tally) -> None:
        self._site = site
        self._tally = tally

    async def revoke(self, lane: Lane, person: Person) -> float:
        """Milliseconds from sending the fact until nobody lets the person in; then it must stay so."""
        facts = person.kind.takes(person.stage)
        if person.kind is LEAKED and person.credential:
            facts = [credential_revoked(person.credential.token.id, person.stage.user)]
        spent = await self._seen(lane, person, facts, person.refused)
        self._tally.revoked[person.kind.name].append(spent)
        self._tally.wrong += await lane.again(person.request, person.allowed, _AFTER)
        self._tally.asked_after += _AFTER * len(lane.connections)
        return spent

    async def give_back(self, lane: Lane, person: Person) -> float:
        """Milliseconds from sending the fact until everybody lets the person in."""
        spent = await self._seen(lane, person, person.kind.gives(person.stage), person.allowed)
        self._tally.granted[person.kind.name].append(spent)
        return spent

    async def _seen(self, lane: Lane, person: Person, facts: Sequence[bytes], is_so: Callable[[int], bool]) -> float:
        began = time.monotonic()
        seen, _ = await asyncio.gather(lane.seen(person.request, is_so), self._site.live.tell(facts))
        return 1000 * (seen - began)


async def propagation(site: Site, tally: Tally) -> Mapping[Goal, float]:
    """Thousands of changes, two at a time, each on a person of its own."""
    gateways = await three_gateways(site)
    await owners(site)
    turns = max(1, ceil(CHANGES * site.world.scale / (2 * len(KINDS) * LANES)))
    async with lanes(gateways, LANES) as opened, casting(site) as cast:
        hand = Stagehand(site, tally)
        with bar("changes", LANES * turns * 2 * len(KINDS)) as progress:
            async with asyncio.TaskGroup() as tasks:
                for number, lane in enumerate(opened):
                    tasks.create_task(_lane(number, lane, hand, cast, turns, progress))
        settings = await _settings(site, opened[0], cast)
    tell_by_kind(tally)
    revoked, granted, express = tally.all(tally.revoked), tally.all(tally.granted), tally.all(tally.revoked, True)
    return {
        REVOKED_P50: quantile(revoked, 0.5),
        REVOKED_P99: quantile(revoked, 0.99),
        GRANTED_P50: quantile(granted, 0.5),
        GRANTED_P99: quantile(granted, 0.99),
        EXPRESS_P99: quantile(express, 0.99),
        SETTING_P50: quantile(settings, 0.5),
        SETTING_P99: quantile(settings, 0.99),
    }


async def _lane(number: int, lane: Lane, hand: Stagehand, cast: Casting, turns: int, progress: Bar) -> None:
    workspace = SMALL[0] if number == LANES - 1 else BIG
    people = [
        await cast.person(kind, f"{kind.name.replace('_', '-')}-{number}", workspace) for kind in KINDS if not kind.held
    ]
    for person in people:
        await lane.seen(person.request, person.allowed)
    for _ in range(turns):
        for person in people:
            await hand.revoke(lane, person)
            await hand.give_back(lane, person)
            progress.step(2)
    async for person in leavers(cast, lane, f"{number}", turns, workspace):
        await hand.revoke(lane, person)
        progress.step()


async def leavers(cast: Casting, lane: Lane, name: str, count: int, workspace: str) -> AsyncIterator[Person]:
    """People who go once and for all: deactivated, or with a credential revoked."""
    deactivation = next(kind for kind in KINDS if kind.name == "deactivation")
    for each in range(count):
        for kind in (deactivation, LEAKED):
            person = await cast.person(kind, f"{kind.name}-{name}-{each}", workspace)
            await lane.seen(person.request, person.allowed)
            yield person


async def _settings(site: Site, lane: Lane, cast: Casting) -> list[float]:
    """Visibility, set at the authority as the management API does: no Kafka on the way."""
    kind = replace(KINDS[0], before=lambda s: [member(s.user, "member", of=s.of)], gives=lambda _: [])
    person = await cast.person(kind, "settings", BIG)
    owner, times = identity_of(f"boss-{BIG}"), list[float]()
    async with client_of(site.permissions) as authority:
        find = wire.FindImageRequest(identity=owner, workspace=BIG, image=person.stage.image)
        image = await authority.find_image(find)
        for number in range(max(4, round(_SETTINGS * site.world.scale))):
            shown = number % 2 == 0
            visibility = Visibility.WORKSPACE if shown else Visibility.INHERIT
            change = wire.SetImageRequest(identity=owner, id=image.id, visibility=visibility)
            began = time.monotonic()
            is_so = person.allowed if shown else person.refused
            seen, _ = await asyncio.gather(lane.seen(person.request, is_so), authority.set_image(change))
            times.append(1000 * (seen - began))
    return times


def tell_by_kind(tally: Tally) -> None:
    """The figures of each kind, for people."""
    for what, found in (("revoked", tally.revoked), ("granted", tally.granted)):
        for kind, times in sorted(found.items()):
            p50, p99 = quantile(times, 0.5), quantile(times, 0.99)
            said(f"{what} {kind}: {len(times)} times, p50 {p50:.0f} ms, p99 {p99:.0f} ms, max {max(times):.0f} ms")
