"""The same while a hundred thousand facts of one workspace are applied: there, elsewhere, and by the express lane."""

import asyncio
import time
from collections.abc import Mapping
from typing import Final

from bench.authorization.figure import Goal, quantile
from bench.authorization.fleet import Lane, Person, casting, lanes, three_gateways
from bench.authorization.population import owners
from bench.authorization.progress import said
from bench.authorization.propagation import Stagehand, Tally, leavers
from bench.authorization.site import Site
from bench.authorization.telling import write_crowd
from bench.authorization.world import BIG, SMALL
from faults.revocations import KINDS

HERE: Final = Goal("storm_enforced_p99", "ms", 5000)
ELSEWHERE: Final = Goal("storm_elsewhere_enforced_p99", "ms", 1500)
EXPRESS: Final = Goal("storm_express_enforced_p99", "ms", 500)
_STORM: Final = 100_000
_STORMS: Final = 5
_LEAVERS: Final = 12
_PAUSE_SECONDS: Final = 0.1
_PROBED: Final = ("user_grant", "membership", "project_group_grant", "group_deletion")


async def storm(site: Site, tally: Tally) -> Mapping[Goal, float]:
    """Five storms; each probe starts while one is being applied."""
    gateways = await three_gateways(site)
    await owners(site)
    there, elsewhere, express = list[float](), list[float](), list[float]()
    async with lanes(gateways, 3) as opened, casting(site) as cast:
        hand = Stagehand(site, tally)
        kinds = [kind for kind in KINDS if kind.name in _PROBED]
        places = (BIG, SMALL[1])
        people = [
            [await cast.person(each, f"storm-{n}-{each.name}", place) for each in kinds]
            for n, place in enumerate(places)
        ]
        going = [each async for each in leavers(cast, opened[2], "storm", _STORMS * _LEAVERS // 2, BIG)]
        for lane, some in zip(opened, people, strict=False):
            for person in some:
                await lane.seen(person.request, person.allowed)
        first: int | None = None
        for number in range(_STORMS):
            over = asyncio.Event()
            leaving = going[number * _LEAVERS : (number + 1) * _LEAVERS]
            async with asyncio.TaskGroup() as tasks:
                storming = tasks.create_task(blow(site, first, over))
                for lane, some, found in zip(opened, people, (there, elsewhere), strict=False):
                    tasks.create_task(_probe(hand, lane, some, over, found))
                tasks.create_task(_leave(hand, opened[2], leaving, over, express))
            first = storming.result()
    said(f"storm: {len(there)} changes there, {len(elsewhere)} elsewhere, {len(express)} by the express lane")
    return {HERE: quantile(there, 0.99), ELSEWHERE: quantile(elsewhere, 0.99), EXPRESS: quantile(express, 0.99)}


async def blow(site: Site, first: int | None, over: asyncio.Event) -> int | None:
    """Writes a storm as fast as one process can; it is over when permissions has applied it.

    New users become members, or those that did at version `first` leave. Answers at which version new ones came.
    """
    count = max(2000, round(_STORM * site.world.scale))
    version, began = site.live.later(count), time.monotonic()
    arguments = (site.topics, BIG, "storm", count, version, first is None, first)
    try:
        await asyncio.get_running_loop().run_in_executor(site.writers, write_crowd, *arguments)
        written = time.monotonic() - began
        await site.applied(await site.ends(), began)
        said(f"a storm of {count:,}: written in {written:.1f} s, applied after {time.monotonic() - began:.1f} s")
    finally:
        over.set()
    return version if first is None else None


async def _probe(hand: Stagehand, lane: Lane, people: list[Person], over: asyncio.Event, found: list[float]) -> None:
    """Rights go and come back, as fast as they are enforced."""
    while not over.is_set():
        for person in people:
            found.append(await hand.revoke(lane, person))
            found.append(await hand.give_back(lane, person))
            if over.is_set():
                break


async def _leave(hand: Stagehand, lane: Lane, people: list[Person], over: asyncio.Event, found: list[float]) -> None:
    for person in people:
        if over.is_set():
            break
        found.append(await hand.revoke(lane, person))
        await asyncio.sleep(_PAUSE_SECONDS)
