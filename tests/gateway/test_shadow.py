"""Shadow verification: a replica that decides otherwise than the authority is found, a healthy one never accused."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from faults.passing_feed import PassingFeed
from gateway.site import open_site
from gateway.village import Village
from gateway.village_order import beginning
from moorage.access.action import Action
from moorage.access.consistency import ConsistencyToken
from moorage.access.frames import Delta, Frame, Row, RowKind
from moorage.access.principal import Identity
from moorage.access.role import Role
from moorage.gateway.follower import Follower
from moorage.gateway.outcome import Outcome
from moorage.gateway.shadow import CAPACITY, Shadow
from moorage.oci.reference import ImageName
from moorage.runtime.clock import FixedClock

API = ImageName("acme", "ledger/api")
PULL = "/v2/acme/ledger/api/manifests/1"


class Damaged(PassingFeed):
    """A feed that loses every revocation of a role on its way: whoever had one keeps it."""

    async def changes(self, after: ConsistencyToken) -> AsyncIterator[Frame]:
        """See AuthorityFeed."""
        async for frame in self._feed.changes(after):
            if isinstance(frame, Delta):
                frame = frame.model_copy(update={"rows": [_damaged(row) for row in frame.rows]})
            yield frame


def _damaged(row: Row) -> Row:
    """The row; a grant of nothing becomes one of READ."""
    if row[0] == RowKind.USER_REPOSITORY and row[4] == 0:
        return (*row[:4], int(Role.READ), *row[5:])
    return row


class Watched:
    """A village, a follower of it and the shadow that watches the follower."""

    def __init__(self, village: Village, follower: Follower, shadow: Shadow) -> None:
        self.village = village
        self.follower = follower
        self.shadow = shadow

    async def caught_up(self) -> None:
        """Waits until the follower has seen everything, with the workspace loaded."""
        assert await self.follower.reached(self.village.position, 5)
        replica = self.follower.replica
        assert replica
        workspace = replica.workspace("acme")
        assert workspace
        assert await self.follower.load(workspace, 5)

    def here(self, identity: Identity, action: Action = Action.PULL, name: ImageName = API) -> Outcome:
        """What the replica decides."""
        replica = self.follower.replica
        assert replica
        workspace = replica.workspace(name.workspace)
        assert workspace
        return replica.decide(identity, workspace, name.image, action, beginning())

    async def verified(self, identity: Identity, action: Action = Action.PULL) -> None:
        """Decides and has it verified."""
        self.shadow.consider(identity, API, action, self.here(identity, action))
        await self.shadow.settled()

    @property
    def counts(self) -> tuple[int, int, int]:
        """How many were the same, not the same, and not to be settled."""
        return self.shadow.verified, self.shadow.mismatches, self.shadow.unsettled


@pytest.fixture(params=["healthy", "damaged"])
async def watched(request: pytest.FixtureRequest) -> AsyncIterator[Watched]:
    """With everything considered."""
    clock = FixedClock(beginning())
    village = Village(clock)
    village.repository("ledger")
    village.image("ledger/api", "ledger")
    feed = Damaged(village) if request.param == "damaged" else village
    follower = Follower(feed, clock)
    shadow = Shadow(village, follower, clock, 1.0, per_second=1000)
    async with AsyncExitStack() as stack:
        running = asyncio.create_task(follower.run())
        stack.callback(running.cancel)
        found = Watched(village, follower, shadow)
        await found.caught_up()
        yield found


@pytest.mark.parametrize("watched", ["damaged"], indirect=True)
async def test_a_damaged_replica_is_found(watched: Watched) -> None:
    """It still lets somebody in whose right was taken: told once as an error, at one position."""
    bob = watched.village.user("bob")
    watched.village.grant("bob", "ledger", Role.READ)
    await watched.caught_up()
    await watched.verified(bob)
    assert watched.counts == (1, 0, 0)
    watched.village.grant("bob", "ledger", Role.NONE)
    await watched.caught_up()
    assert watched.here(bob).allowed
    await watched.verified(bob)
    assert watched.counts == (1, 1, 0)


@pytest.mark.parametrize("watched", ["damaged"], indirect=True)
async def test_a_denial_is_verified_as_an_allow_is(watched: Watched) -> None:
    """Too little is as wrong as too much: a role that is too wide shows in the denial as well."""
    bob = watched.village.user("bob")
    watched.village.grant("bob", "ledger", Role.NONE)
    await watched.caught_up()
    assert not watched.here(bob, Action.PUSH).allowed
    await watched.verified(bob, Action.PUSH)
    assert watched.counts == (0, 1, 0)


@pytest.mark.parametrize("watched", ["healthy"], indirect=True)
async def test_a_change_in_between_accuses_nobody(watched: Watched) -> None:
    """The grant was on its way when the replica decided."""
    bob = watched.village.user("bob")
    await watched.caught_up()
    before = watched.here(bob)
    watched.village.grant("bob", "ledger", Role.READ)
    watched.shadow.consider(bob, API, Action.PULL, before)
    await watched.shadow.settled()
    assert watched.counts == (1, 0, 0)


@pytest.mark.parametrize("watched", ["healthy"], indirect=True)
async def test_a_replica_that_is_behind_is_waited_for_and_not_accused(watched: Watched) -> None:
    """Its stream stands still: what can't be compared is counted, no more."""
    bob = watched.village.user("bob")
    await watched.caught_up()
    before = watched.here(bob)
    watched.village.frozen = True
    watched.village.grant("bob", "ledger", Role.READ)
    watched.shadow.consider(bob, API, Action.PULL, before)
    settling = asyncio.create_task(watched.shadow.settled())
    await asyncio.sleep(0)
    watched.village.thaw()
    await settling
    assert watched.counts == (1, 0, 0)


@pytest.mark.parametrize("watched", ["healthy"], indirect=True)
async def test_an_authority_that_is_away_proves_nothing(watched: Watched) -> None:
    """The question is dropped."""
    bob = watched.village.user("bob")
    await watched.caught_up()
    watched.village.away = True
    await watched.verified(bob)
    assert watched.counts == (0, 0, 1)


@pytest.mark.parametrize("watched", ["healthy"], indirect=True)
async def test_a_healthy_replica_is_never_accused_in_a_storm(watched: Watched) -> None:
    """Rights come and go while decisions about them are verified, in every state of the stream."""
    chance = random.Random(7)
    people = [watched.village.user(name) for name in ("a", "b", "c", "d")]
    await watched.caught_up()
    ended = asyncio.Event()

    async def storm() -> None:
        for _ in range(400):
            watched.village.grant(chance.choice("abcd"), "ledger", Role(chance.randrange(4)))
            await asyncio.sleep(0)
        ended.set()

    storming = asyncio.create_task(storm())
    while not ended.is_set():
        for who in people:
            for action in Action:
                watched.shadow.consider(who, API, action, watched.here(who, action))
        await watched.shadow.settled()
        await asyncio.sleep(0)
    await storming
    assert watched.shadow.mismatches == 0
    assert watched.shadow.verified > 20


@pytest.mark.parametrize("watched", ["healthy"], indirect=True)
async def test_what_waits_and_how_often_is_asked_is_bounded(watched: Watched) -> None:
    """Questions beyond that are dropped and counted; no request waits for any."""
    bob = watched.village.user("bob")
    await watched.caught_up()
    for _ in range(CAPACITY + 7):
        watched.shadow.consider(bob, API, Action.PULL, watched.here(bob))
    assert watched.shadow.unsettled == 7
    slow = Shadow(watched.village, watched.follower, watched.village.clock, 1.0, per_second=2)
    for _ in range(5):
        slow.consider(bob, API, Action.PULL, watched.here(bob))
    assert slow.unsettled == 3


async def test_decisions_of_requests_are_verified_in_the_background(tmp_path: Path) -> None:
    """Those of the replica, allows and denials; nothing of it in any answer."""
    async with open_site(tmp_path, shadow_percent=100) as site:
        await site.push("bob", "acme/ledger/api")
        for who in ("carol", "dave"):
            await site.ask("GET", PULL, auth=site.basic(who))
        await site.gateway.shadow.settled()
        assert site.gateway.shadow.verified >= 3
        assert (site.gateway.shadow.mismatches, site.gateway.shadow.unsettled) == (0, 0)


async def test_without_a_fraction_nothing_is_asked(tmp_path: Path) -> None:
    """0 % is off."""
    async with open_site(tmp_path, shadow_percent=0) as site:
        await site.push("bob", "acme/ledger/api")
        asked = site.village.questions.count("check")
        assert (await site.ask("GET", PULL, auth=site.basic("carol"))).status == 200
        assert site.village.questions.count("check") == asked
        assert site.gateway.shadow.verified == 0
