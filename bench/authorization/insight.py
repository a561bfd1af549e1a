"""Questions of administrators about the biggest workspace: explain, who can, what can, differences, previews (§4)."""

import json
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from bench.authorization.figure import Goal, quantile
from bench.authorization.population import Held, owner_of
from bench.authorization.progress import bar
from bench.authorization.site import Site
from bench.authorization.world import BIG
from faults.fleet import client_of, identity_of
from moorage.access import explain_wire, wire
from moorage.access.action import Action
from moorage.gateway.adapters.authority_client import AuthorityClient
from permissions.sample_facts import grant

EXPLAIN: Final = Goal("explain_p99", "ms", 1000)
WHO_CAN: Final = Goal("who_can_p99", "ms", 1000)
WHAT_CAN: Final = Goal("what_can_p99", "ms", 1000)
IMAGE_DIFF: Final = Goal("image_diff_p99", "ms", 1000)
USER_DIFF: Final = Goal("user_diff_p99", "ms", 1000)
PREVIEW: Final = Goal("preview_p99", "ms", 1000)
GOALS: Final = (EXPLAIN, WHO_CAN, WHAT_CAN, IMAGE_DIFF, USER_DIFF, PREVIEW)
_TIMES: Final = 40

Ask = Callable[[int], Awaitable[object]]


async def insight(goal: Goal, site: Site, held: Sequence[Held]) -> Mapping[Goal, float]:
    """One question so many times, each time of another image or user; of a changing one clients wait five seconds."""
    images = [each for each in held if each.place.name == BIG][:_TIMES]
    async with client_of(site.permissions) as authority:
        ask = (await _asks(authority, images))[goal]
        with bar(goal.name, _TIMES) as progress:
            return {goal: quantile([await _timed(ask, n, progress.step) for n in range(_TIMES)], 0.99)}


async def _timed(ask: Ask, number: int, step: Callable[[], Any]) -> float:
    began = time.perf_counter()
    await ask(number)
    step()
    return 1000 * (time.perf_counter() - began)


async def _asks(authority: AuthorityClient, images: Sequence[Held]) -> Mapping[Goal, Ask]:
    boss, place = identity_of(owner_of(BIG)), images[0].place
    found = [
        await authority.find_image(wire.FindImageRequest(identity=boss, workspace=BIG, image=each.name))
        for each in images
    ]
    since = datetime.now(UTC).isoformat()

    def image(number: int) -> Any:
        return found[number % len(found)].id

    def account(number: int) -> str:
        return f"u{place.first + number * 997 % place.users}"

    def tried(number: int) -> explain_wire.Try:
        repository = place.repository(images[number % len(images)].repository)
        fact = grant(f"repository:{repository}", f"user:{account(number)}", "write", of=BIG)
        return explain_wire.Try(fact=json.loads(fact))

    return {
        EXPLAIN: lambda n: authority.explain(
            explain_wire.ExplainRequest(
                identity=boss,
                principal=account(n),
                workspace=BIG,
                image=images[n % len(images)].name,
                action=Action.PUSH,
            )
        ),
        WHO_CAN: lambda n: authority.who_can(explain_wire.WhoCanRequest(identity=boss, image=image(n))),
        WHAT_CAN: lambda n: authority.what_can(
            explain_wire.WhatCanRequest(identity=boss, user=account(n), workspace=BIG)
        ),
        IMAGE_DIFF: lambda n: authority.image_diff(
            explain_wire.ImageDiffRequest(identity=boss, image=image(n), since=since)
        ),
        USER_DIFF: lambda n: authority.user_diff(
            explain_wire.UserDiffRequest(identity=boss, user=account(n), workspace=BIG, since=since)
        ),
        PREVIEW: lambda n: authority.preview(
            explain_wire.PreviewRequest(identity=boss, workspace=BIG, changes=[tried(n)])
        ),
    }
