"""What is too much for one frame is told in several, and whoever reads them never needs a snapshot for it (R115)."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from uuid import UUID

import pytest

from moorage.access import wire
from moorage.access.action import Action
from moorage.access.consistency import ConsistencyToken
from moorage.access.frames import Delta, EntityKind, Frame, RowKind
from moorage.access.image import WRITERS_PUBLISH, ImageState, NodeState
from moorage.access.packed import Packed
from moorage.access.principal import Identity, Principal, PrincipalKind
from moorage.access.publishers import Publisher
from moorage.gateway.follower import Follower
from moorage.gateway.replica.replica import MAX_FRAME_ROWS, Replica
from moorage.permissions import image_changes
from moorage.permissions.apply import Apply
from moorage.permissions.batches import Record
from moorage.permissions.feed import Feed
from moorage.permissions.history import Position
from moorage.permissions.log_rows import FRAME_WEIGHT, LogFrame, gather, weight
from moorage.permissions.ports import Ledger
from moorage.permissions.postgres.ledger import PostgresLedger
from moorage.permissions.reconcile.oversight import DecideSweepRequest, Oversight
from moorage.permissions.records import Origin, Repository, Source, SourceKind, SourceSpec, Transport, Workspace
from moorage.permissions.rows import image_row
from moorage.permissions.slots import Entity
from moorage.runtime.clock import SystemClock
from permissions.conftest import service_over
from permissions.sample_facts import grant, group, group_member, project, repository, user, uuid_of, workspace
from permissions.sample_snapshots import whole

OPERATOR = wire.IdentityBody.of(Identity(Principal(PrincipalKind.SERVICE, uuid_of("credential", "operator"))))
BRIDGE = SourceSpec("bridge", SourceKind.CONTINUOUS, Transport.HTTP)
ACME, HELLO = uuid_of("workspace", "acme"), uuid_of("repository", "hello")
SITE = [
    workspace(version=1),
    project(version=1),
    repository("hello", version=1),
    user("bob", version=1),
    grant("repository:hello", "user:bob", "write", 1),
]
MANY = 2_500


async def declared(ledger: Ledger) -> Source:
    """A bridge."""
    async with ledger.changing() as change:
        return await change.sources.declare(BRIDGE, None)


async def send(ledger: Ledger, source: Source, bodies: Sequence[bytes]) -> None:
    """Sends facts, a thousand at a time; none is refused."""
    apply = Apply(ledger, SystemClock())
    for first in range(0, len(bodies), 1000):
        records = [Record(number, body) for number, body in enumerate(bodies[first : first + 1000], 1)]
        assert (await apply.over_http(source, records)).refused == []


async def add_images(ledger: Ledger, count: int) -> None:
    """So many images of `hello`, as if each had been made by itself."""
    async with ledger.changing() as change:
        found = await change.hierarchy.workspace_by_id(ACME)
        assert found
        home = await change.hierarchy.repository(found.alias, HELLO)
        assert home
        entities = {n: Entity(EntityKind.IMAGE, ACME, UUID(int=n)) for n in range(1, count + 1)}
        aliases = await change.facts.intern(entities.values())
        for n, entity in entities.items():
            name = f"hello/{n:05}"
            made = image_changes.created(
                aliases[entity], UUID(int=n), found, name, home, Origin.API, SystemClock().now()
            )
            await change.images.add(made)
            change.log.pause()
            change.log.append(image_row(made))


async def frames_after(ledger: Ledger, position: ConsistencyToken) -> list[Delta]:
    """The frames that readers may stand between: as few rows of them as can be had at once."""
    found: list[Delta] = []
    while (head := await ledger.head()) != position:
        async with ledger.viewing() as view:
            found += await view.log.deltas(position, 1)
        position = ConsistencyToken(head.epoch, found[-1].last)
    return found


async def replica_of(ledger: Ledger) -> Replica:
    """A gateway's copy of everything."""
    feed = Feed(ledger, SystemClock())
    replica = Replica.load(await feed.snapshot(None))
    replica.expect(ACME)
    replica.adopt(ACME, await feed.snapshot(ACME))
    return replica


async def states_at(ledger: Ledger, position: ConsistencyToken) -> dict[str, ImageState]:
    """What history says of the images at a position."""
    async with ledger.looking(Position(position)) as then:
        found = await then.hierarchy.workspace_by_id(ACME)
        assert found
        return {each.record.name: each.record.state for each in await then.images.page(found.alias, "", MANY + 1)}


def may_push(replica: Replica) -> dict[str, bool]:
    """For some images, whether bob may push."""
    found = replica.workspace("acme")
    assert found
    bob = Identity(Principal(PrincipalKind.USER, uuid_of("user", "bob")))
    names = [f"hello/{n:05}" for n in range(1, MANY + 1, 99)]
    return {name: replica.decide(bob, found, name, Action.PUSH, SystemClock().now()).allowed for name in names}


def state_in(replica: Replica, name: str) -> ImageState | None:
    """The state of the image in a gateway's copy."""
    found = replica.workspace("acme")
    image = replica.image(found, name) if found else None
    return image.state if image else None


@pytest.mark.parametrize("state", ["deleted", "transferred"])
async def test_images_follow_their_repository_in_frames_of_their_own(ledger: Ledger, state: str) -> None:
    """Its facts are one frame. Between frames nobody may push, and history says what the frames have said."""
    bridge = await declared(ledger)
    await send(ledger, bridge, SITE)
    await add_images(ledger, MANY)
    replica, before = await replica_of(ledger), await ledger.head()
    assert all(may_push(replica).values())
    change = [repository("hello", state, version=2), grant("repository:hello", "user:bob", "admin", 2)]
    await send(ledger, bridge, [*change, group("late", version=2)])
    told = await frames_after(ledger, before)
    assert len(told) > MANY // FRAME_WEIGHT
    assert max(len(each.rows) for each in told) <= FRAME_WEIGHT + 10
    aliases, *frames = told
    assert {row[0] for row in aliases.rows} == {RowKind.INTERN}
    replica.apply(aliases)
    assert all(may_push(replica).values())
    for delta in frames:
        replica.apply(delta)
        assert not any(may_push(replica).values())
        states = await states_at(ledger, replica.position)
        assert {name: state_in(replica, name) for name in states} == states
    assert set(states.values()) == {ImageState.DETACHED}
    assert replica.contents == (await replica_of(ledger)).contents


async def test_a_repository_that_has_gone_and_come_back_is_told_at_once(ledger: Ledger) -> None:
    """In between its images would be open to whoever has a new right to it."""
    bridge = await declared(ledger)
    await send(ledger, bridge, SITE)
    await add_images(ledger, FRAME_WEIGHT + 200)
    before = await ledger.head()
    await send(ledger, bridge, [repository("hello", "transferred", 2), repository("hello", version=3)])
    assert len(await frames_after(ledger, before)) == 1


def test_rows_that_are_long_weigh_more() -> None:
    """A thousand of them would not fit into what a reader takes for a line."""
    publishers = tuple(Publisher(UUID(int=n), ("release/*",) * 20) for n in range(100))
    home = Workspace(1, ACME, "acme", NodeState.ACTIVE, False, WRITERS_PUBLISH, 1, 1)
    repository = Repository(2, HELLO, "hello", None, NodeState.ACTIVE)
    at = SystemClock().now()
    row = image_row(image_changes.created(3, UUID(int=1), home, "hello/x", repository, Origin.API, at, publishers))
    deltas = gather([LogFrame(n, [row]) for n in range(200)], ConsistencyToken(1, 0), 1000)
    assert weight([row]) > 20
    assert len(deltas) > 4
    assert max(weight(each.rows) for each in deltas) <= 1000


class Counted:
    """What a gateway reads, and how often it took a snapshot of everything."""

    def __init__(self, ledger: Ledger) -> None:
        self._feed = service_over(ledger).authority
        self.sum, self.report = self._feed.sum, self._feed.report
        self.starts = 0

    async def snapshot(self, workspace: UUID | None, at_least: ConsistencyToken | None = None) -> Packed:
        """See AuthorityFeed."""
        self.starts += workspace is None
        return await self._feed.snapshot(workspace, at_least)

    async def changes(self, after: ConsistencyToken) -> AsyncIterator[Frame]:
        """See AuthorityFeed; no frame is longer than a gateway takes."""
        async for frame in self._feed.changes(after):
            assert not isinstance(frame, Delta) or len(frame.rows) <= MAX_FRAME_ROWS
            yield frame


@asynccontextmanager
async def following(feed: Counted) -> AsyncIterator[Follower]:
    """A gateway's copy with acme in it, kept up to date."""
    follower = Follower(feed, SystemClock())
    task = asyncio.create_task(follower.run())
    try:
        assert await follower._until(lambda: follower.ready, 10)
        replica = follower.replica
        found = replica.workspace("acme") if replica else None
        assert found
        assert await follower.load(found, 10)
        yield follower
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def test_a_sweep_of_25000_facts_never_takes_a_gateway_back_to_a_snapshot(postgres_ledger: PostgresLedger) -> None:
    """Nor does the end of a repository with all its images."""
    bridge = await declared(postgres_ledger)
    await send(postgres_ledger, bridge, SITE)
    await add_images(postgres_ledger, MANY)
    many = [group_member("devs", f"u{n}", version=2) for n in range(25_000)]
    feed = Counted(postgres_ledger)
    async with following(feed) as follower:
        await send(postgres_ledger, bridge, [group("devs", version=2), *many])
        await send(postgres_ledger, bridge, whole("s1", 50, [*SITE[:2], repository("hello", "deleted", 3)]))
        (held,) = (await Oversight(postgres_ledger, SystemClock()).sweeps()).sweeps
        assert held.vanishing > 25_000
        confirmed = DecideSweepRequest(decision="confirm", reason="the group is gone")
        await Oversight(postgres_ledger, SystemClock()).decide(held.id, confirmed, OPERATOR)
        await Apply(postgres_ledger, SystemClock()).snapshots.drive()
        assert await follower.reached(await postgres_ledger.head(), 60)
        assert feed.starts == 1
        assert follower.replica
        assert follower.replica.contents == (await replica_of(postgres_ledger)).contents
        assert set((await states_at(postgres_ledger, await postgres_ledger.head())).values()) == {ImageState.DETACHED}
