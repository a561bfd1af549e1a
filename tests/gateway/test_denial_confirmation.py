"""Denials are confirmed once: sparingly, in one flight, and nothing is decided from memory (authorization.md §3.4)."""

import asyncio
from datetime import timedelta
from uuid import UUID

import pytest

from moorage.access.action import Action
from moorage.access.consistency import ORIGIN
from moorage.access.decision import Decision
from moorage.access.principal import Identity, Principal, PrincipalKind, Scope
from moorage.access.reason import Reason
from moorage.access.role import Role
from moorage.gateway.denials import Denials
from moorage.gateway.outcome import Outcome
from moorage.oci.reference import ImageName
from moorage.runtime.clock import FixedClock

WHO = Identity(Principal(PrincipalKind.USER, UUID(int=1)))
QUESTION = (WHO, ImageName("acme", "ledger/api"), Action.PULL, False)
DENIED = Outcome(Decision(Reason.NO_READ, Role.NONE, False, ORIGIN))
ALLOWED = Outcome(Decision(Reason.OK, Role.READ, True, ORIGIN))


class Asked:
    """The authority, as far as one question goes: answers when it is told to."""

    def __init__(self, outcome: Outcome = DENIED) -> None:
        self.outcome = outcome
        self.times = 0
        self.may_answer = asyncio.Event()
        self.may_answer.set()

    async def __call__(self) -> Outcome:
        """Answers."""
        self.times += 1
        await self.may_answer.wait()
        return self.outcome


@pytest.fixture
def clock() -> FixedClock:
    """Stands still until a test moves it."""
    return FixedClock()


@pytest.fixture
def denials(clock: FixedClock) -> Denials:
    """With full buckets."""
    return Denials(clock)


async def test_a_denial_is_confirmed_once_in_ten_seconds(denials: Denials, clock: FixedClock) -> None:
    """Then again."""
    ask = Asked()
    assert await denials.confirm(QUESTION, ask) == DENIED
    assert denials.confirmed(QUESTION)
    assert await denials.confirm(QUESTION, ask) is None
    clock.advance(timedelta(seconds=10))
    assert await denials.confirm(QUESTION, ask) == DENIED
    assert ask.times == 2


async def test_an_allow_is_never_remembered(denials: Denials) -> None:
    """The grant arrives by itself; until then each request asks."""
    ask = Asked(ALLOWED)
    assert await denials.confirm(QUESTION, ask) == ALLOWED
    assert await denials.confirm(QUESTION, ask) == ALLOWED
    assert ask.times == 2


async def test_equal_questions_share_a_flight(denials: Denials) -> None:
    """A hundred requests, one question."""
    ask = Asked()
    ask.may_answer.clear()
    waiting = [asyncio.create_task(denials.confirm(QUESTION, ask)) for _ in range(100)]
    await asyncio.sleep(0)
    ask.may_answer.set()
    assert await asyncio.gather(*waiting) == [DENIED] * 100
    assert ask.times == 1


@pytest.mark.parametrize(
    "other",
    [
        (Identity(WHO.principal, UUID(int=9)), *QUESTION[1:]),
        (Identity(WHO.principal, None, frozenset({Scope.READ})), *QUESTION[1:]),
        (WHO, ImageName("acme", "ledger"), *QUESTION[2:]),
        (WHO, QUESTION[1], Action.PUSH, False),
        (WHO, QUESTION[1], Action.PULL, True),
    ],
    ids=["another credential", "other scopes", "another name", "another action", "may create"],
)
async def test_other_questions_are_other_questions(
    denials: Denials, other: tuple[Identity, ImageName, Action, bool]
) -> None:
    """The key is complete (R79)."""
    ask = Asked()
    await denials.confirm(QUESTION, ask)
    assert not denials.confirmed(other)
    await denials.confirm(other, ask)
    assert ask.times == 2


async def test_a_leader_that_is_cancelled_leaves_the_others_with_the_local_answer(denials: Denials) -> None:
    """Nobody waits for ever, and the next one asks."""
    ask = Asked()
    ask.may_answer.clear()
    leader = asyncio.create_task(denials.confirm(QUESTION, ask))
    await asyncio.sleep(0)
    follower = asyncio.create_task(denials.confirm(QUESTION, ask))
    await asyncio.sleep(0)
    leader.cancel()
    assert await follower is None
    ask.may_answer.set()
    assert await denials.confirm(QUESTION, ask) == DENIED


async def test_a_follower_that_is_cancelled_leaves_the_flight_alone(denials: Denials) -> None:
    """The leader gets its answer."""
    ask = Asked()
    ask.may_answer.clear()
    leader = asyncio.create_task(denials.confirm(QUESTION, ask))
    await asyncio.sleep(0)
    follower = asyncio.create_task(denials.confirm(QUESTION, ask))
    await asyncio.sleep(0)
    follower.cancel()
    await asyncio.gather(follower, return_exceptions=True)
    ask.may_answer.set()
    assert await leader == DENIED
