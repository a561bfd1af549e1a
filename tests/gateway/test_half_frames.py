"""Who asks while a frame is half applied waits for its end, or is answered by the authority (authorization.md §3.8)."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest

from gateway.test_follower import following, workspace
from gateway.village import Village
from gateway.village_order import beginning
from moorage.access.action import Action
from moorage.access.audit import Mode
from moorage.access.frames import Delta, Row, RowKind
from moorage.access.principal import Identity
from moorage.access.role import Role
from moorage.access.staleness import Bounds
from moorage.gateway.access import Access, Patience
from moorage.gateway.follower import Follower
from moorage.oci.reference import ImageName
from moorage.runtime.clock import FixedClock

SOON = 5.0
IMAGE = ImageName.parse("acme/ledger/api")
NOWHERE = ImageName.parse("nowhere/ledger/api")


@pytest.fixture
def clock() -> FixedClock:
    """Stands still."""
    return FixedClock(beginning())


@pytest.fixture
def village(clock: FixedClock) -> Village:
    """A workspace with one repository and one image."""
    order = Village(clock)
    order.repository("ledger")
    order.image("ledger/api", "ledger")
    return order


@pytest.fixture
def bob(village: Village) -> Identity:
    """He may pull."""
    found = village.user("bob")
    village.grant("bob", "ledger", Role.READ)
    return found


@pytest.fixture
async def follower(village: Village, bob: Identity, clock: FixedClock) -> AsyncIterator[Follower]:
    """At the head, with the workspace."""
    assert bob
    async with following(village, clock) as opened:
        assert await opened.load(workspace(opened), SOON)
        yield opened


def access(follower: Follower, village: Village, seconds: float) -> Access:
    """The live check, with so much patience."""
    return Access(follower, village, village.clock, Bounds(), Patience(load=seconds))


def half(follower: Follower, rows: list[Row]) -> Iterator[None]:
    """A frame of which the first row was applied."""
    assert follower.replica
    seq = follower.replica.seq
    delta = Delta(epoch=follower.replica.epoch, first=seq, last=seq + len(rows), t=0, rows=rows)
    slices = follower.replica.slices(delta, 1)
    next(slices)
    return slices


def of_home(follower: Follower) -> list[Row]:
    """Rows of the workspace that change nothing for Bob."""
    home = workspace(follower).alias
    return [(int(RowKind.USER_GROUP), home, 9001, 9002, 1, 1), (int(RowKind.USER_GROUP), home, 9001, 9003, 1, 1)]


def of_everybody() -> list[Row]:
    """Rows about people of whom nobody knows."""
    return [(int(RowKind.PRINCIPAL), 0, 9001, 0, 1, 1, {}), (int(RowKind.PRINCIPAL), 0, 9002, 0, 1, 1, {})]


@pytest.mark.parametrize("name", [IMAGE, NOWHERE], ids=["an image", "no workspace"])
@pytest.mark.parametrize("everybody", [False, True], ids=["a frame of the workspace", "a frame about everybody"])
async def test_who_asks_waits_for_the_end(
    village: Village, bob: Identity, follower: Follower, name: ImageName, everybody: bool
) -> None:
    """And is then answered from the replica; what the frame is not about is answered at once."""
    slices = half(follower, of_everybody() if everybody else of_home(follower))
    judge = access(follower, village, SOON)
    asked = asyncio.create_task(judge.decide(bob, name, Action.PULL))
    for _ in range(20):
        await asyncio.sleep(0)
    assert asked.done() is (name is NOWHERE and not everybody)
    list(slices)
    village.beat()
    outcome = await asked
    assert outcome.allowed is (name is IMAGE)
    assert outcome.mode is Mode.LOCAL


@pytest.mark.parametrize("everybody", [False, True], ids=["a frame of the workspace", "a frame about everybody"])
async def test_who_can_not_wait_is_answered_by_the_authority(
    village: Village, bob: Identity, follower: Follower, everybody: bool
) -> None:
    """As for whatever a replica can't say now."""
    slices = half(follower, of_everybody() if everybody else of_home(follower))
    outcome = await access(follower, village, 0.01).decide(bob, IMAGE, Action.PULL)
    assert outcome.mode is Mode.AUTHORITY
    list(slices)
