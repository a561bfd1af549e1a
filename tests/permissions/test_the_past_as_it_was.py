"""Time travel (authorization.md §4): at every position of a random history, the past says what head said there then."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from moorage.access import wire
from moorage.access.action import Action
from moorage.access.consistency import ConsistencyToken
from moorage.access.image import PushPolicy, Visibility
from moorage.access.principal import Identity, Principal, PrincipalKind
from moorage.access.problems import Problem
from moorage.access.role import Role
from moorage.permissions.apply import Apply
from moorage.permissions.batches import Record
from moorage.permissions.check import decide
from moorage.permissions.history import About, Looking, Position, Shift
from moorage.permissions.images import Images
from moorage.permissions.lookups import PositionUnknown
from moorage.permissions.memory.ledger import MemoryLedger
from moorage.permissions.ports import Ledger
from moorage.permissions.postgres.ledger import PostgresLedger
from moorage.permissions.records import Image, Source, SourceKind, SourceSpec, Transport
from moorage.runtime.clock import FixedClock
from moorage.runtime.postgres import Database
from permissions.sample_facts import grant, group, group_member, member, project, repository, user, uuid_of, workspace

SPEC = SourceSpec("bridge", SourceKind.MANUAL, Transport.HTTP)
PEOPLE, GROUPS, REPOSITORIES = ("ann", "ben", "zoe"), ("red", "blue"), ("one", "two")
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
OWNER = Identity(Principal(PrincipalKind.USER, uuid_of("user", "zoe")))


@dataclass
class Historian:
    """Makes history on a ledger, and writes down what head says after each change."""

    ledger: Ledger
    clock: FixedClock
    source: Source
    chance: random.Random

    @classmethod
    async def of(cls, ledger: Ledger, clock: FixedClock, seed: int) -> "Historian":
        """On an empty ledger."""
        async with ledger.changing() as change:
            source = await change.sources.declare(SPEC, None)
        return cls(ledger, clock, source, random.Random(seed))

    async def live(self, changes: int) -> list[tuple[ConsistencyToken, datetime, object]]:
        """What was said after each of so many changes."""
        told, version = [], 100
        await self.tell([*small_start()])
        images = Images(self.ledger, self.clock)
        for name in ("one/api", "two/api"):
            await images.first_push(
                wire.FirstPushRequest(identity=wire.IdentityBody.of(OWNER), workspace="acme", image=name)
            )
        for _ in range(changes):
            self.clock.advance(timedelta(seconds=1))
            version += 1
            if self.chance.random() < 0.25:
                await self.manage(images)
            else:
                await self.tell([self.fact(version) for _ in range(self.chance.choice([1, 1, 1, 4]))])
            async with self.ledger.looking(Position()) as now:
                told.append((now.token, self.clock.now(), await everything(now)))
        return told

    async def tell(self, facts: Sequence[bytes]) -> None:
        """A batch of facts."""
        records = [Record(number, body) for number, body in enumerate(facts, 1)]
        await Apply(self.ledger, self.clock).over_http(self.source, records)

    async def manage(self, images: Images) -> None:
        """A change of ours, if the owner may make it now."""
        who, pick = wire.IdentityBody.of(OWNER), self.chance.choice
        async with self.ledger.viewing() as view:
            found = await view.hierarchy.workspace("acme")
            listed = await view.images.page(found.alias, "", 10) if found else []
        for image in listed[:1] if self.chance.random() < 0.5 else listed[1:]:
            visibility, policy = pick(list(Visibility)), pick(list(PushPolicy))
            try:
                if self.chance.random() < 0.3:
                    relink = wire.RelinkImageRequest(identity=who, id=image.record.id, repository=pick(REPOSITORIES))
                    await images.relink(relink)
                else:
                    chosen = wire.SetImageRequest(
                        identity=who, id=image.record.id, visibility=visibility, push_policy=policy
                    )
                    await images.set(chosen)
            except Problem:
                continue

    def fact(self, version: int) -> bytes:
        """Something about one of a handful of things; renewals of what is known happen often."""
        pick, yes = self.chance.choice, self.chance.random() < 0.6
        who, team, place, role = (
            pick(PEOPLE),
            pick(GROUPS),
            pick(REPOSITORIES),
            pick(["none", "read", "write", "admin"]),
        )
        return pick(
            [
                grant(f"repository:{place}", f"user:{who}", role, version),
                grant("project:PAY", f"group:{team}", role, version),
                grant("workspace:acme", f"group:{team}", pick(["owner", "none"]), version),
                group_member(team, who, yes, version),
                group(team, "active" if yes else "deleted", version),
                repository(place, pick(["active", "active", "archived", "deleted"]), version),
                member(who, pick(["owner", "member", "none"]), version),
                user(who, yes, version),
                project(state="active" if yes else "deleted", version=version),
            ]
        )


def small_start() -> list[bytes]:
    """A workspace that zoe owns."""
    return [
        workspace(version=1),
        project(version=2),
        *(repository(each, version=3) for each in REPOSITORIES),
        *(user(each, version=4) for each in PEOPLE),
        *(group(each, version=5) for each in GROUPS),
        member("zoe", "owner", version=6),
    ]


async def everything(view: Looking) -> object:
    """All decisions, roles, paths and records of one position; versions may have been renewed since."""
    found = await view.hierarchy.workspace("acme")
    assert found is not None
    images = await view.images.page(found.alias, "", 10)
    decisions = {
        (name, image.record.name, action): (
            await decide(view, identity, "acme", image.record.name, action, NOON)
        ).reason
        for name, identity in identities()
        for image in images
        for action in Action
    }
    holders = {
        image.record.name: [
            (each.id, each.role, each.active)
            for each in await view.holders.page(found.alias, image.repository.alias, Role.READ, None, 99)
        ]
        for image in images
    }
    paths = {
        (name, image.record.name): [
            (path.role, [replace(step, version=0) for step in path.via])
            for path in await view.standings.paths(identity.principal, found.alias, image.repository.alias)
        ]
        for name, identity in identities()
        for image in images
    }
    return (
        decisions,
        holders,
        paths,
        images,
        replace(found, version=0),
        [await view.hierarchy.user(uuid_of("user", each)) for each in PEOPLE],
    )


def identities() -> list[tuple[str, Identity]]:
    """Everybody."""
    return [(each, Identity(Principal(PrincipalKind.USER, uuid_of("user", each)))) for each in PEOPLE]


async def the_past_says_the_same(ledger: Ledger, clock: FixedClock, seed: int, changes: int) -> None:
    """By position and by time."""
    told = await (await Historian.of(ledger, clock, seed)).live(changes)
    for token, at, said in told:
        async with ledger.looking(Position(token)) as then:
            assert await everything(then) == said, token
        async with ledger.looking(Position(moment=at)) as then:
            assert then.token == token
            assert await everything(then) == said, at


@pytest.mark.parametrize("seed", range(3))
async def test_the_past_in_memory(seed: int) -> None:
    """Every state as it was."""
    clock = FixedClock()
    await the_past_says_the_same(MemoryLedger(clock), clock, seed, 40)


@pytest.mark.parametrize("seed", range(3))
async def test_the_past_in_postgres(permissions_dsn: str, seed: int) -> None:
    """Through triggers and shadowed tables."""
    clock = FixedClock(datetime.now(UTC))
    async with await Database.open(permissions_dsn, "permissions") as database:
        await the_past_says_the_same(PostgresLedger(database, clock), clock, seed, 12)


@pytest.mark.parametrize("seed", range(2))
async def test_differences_are_those_of_two_whole_looks(permissions_dsn: str, seed: int) -> None:
    """On both ledgers, between any two positions, page by page."""
    clock = FixedClock(datetime.now(UTC))
    async with await Database.open(permissions_dsn, "permissions") as database:
        for ledger in (MemoryLedger(clock), PostgresLedger(database, clock)):
            told = [token for token, _, _ in await (await Historian.of(ledger, clock, seed)).live(12)]
            chance = random.Random(seed)
            for since, until in [sorted(chance.sample(told, 2)) for _ in range(6)] + [(told[0], told[-1])]:
                async with ledger.looking(Position(since)) as old, ledger.looking(Position(until)) as new:
                    await one_by_one(old, new)


async def one_by_one(old: Looking, new: Looking) -> None:
    """What is shown of each image is what differs between everybody's roles."""
    found = await new.hierarchy.workspace("acme")
    assert found is not None
    for image in await new.images.page(found.alias, "", 10):
        former = await old.images.by_id(image.record.id)
        before, now = await roles_of(old, found.alias, former), await roles_of(new, found.alias, image)
        expected = [
            (id, before.get(id, Role.NONE), now.get(id, Role.NONE))
            for id in sorted(before | now)
            if before.get(id) is not now.get(id)
        ]
        home, shown, after = former.repository.alias if former else None, list[Shift](), None
        while page := await new.history.shifts(found.alias, home, old.token.seq, image.repository.alias, after, 1):
            shown, after = [*shown, *page], page[-1].id
        assert [(each.id, each.before, each.after) for each in shown] == expected


async def roles_of(view: Looking, workspace: int, image: Image | None) -> dict[UUID, Role]:
    """Everybody's."""
    if image is None:
        return {}
    found = await view.holders.page(workspace, image.repository.alias, Role.READ, None, 99)
    return {each.id: each.role for each in found if each.active}


async def test_histories_agree(permissions_dsn: str) -> None:
    """What was changed when, by whom and from what: the SQL finds what comparing whole states finds."""
    clock, other = FixedClock(datetime.now(UTC)), FixedClock(datetime.now(UTC))
    memory = MemoryLedger(other)
    async with await Database.open(permissions_dsn, "permissions") as database:
        postgres = PostgresLedger(database, clock)
        first = await (await Historian.of(memory, other, 7)).live(15)
        second = await (await Historian.of(postgres, clock, 7)).live(15)
        assert [token for token, _, _ in first] == [token for token, _, _ in second]
        assert await changes_of(memory) == await changes_of(postgres)


async def changes_of(ledger: Ledger) -> list[object]:
    """Everything that touched ann and the first image, by names."""

    async with ledger.looking(Position()) as view:
        found = await view.hierarchy.workspace("acme")
        ann = await view.hierarchy.user(uuid_of("user", "ann"))
        assert found
        assert ann
        image = (await view.images.page(found.alias, "", 1))[0]
        about = About(found.alias, image.alias, frozenset({image.repository.alias}), ann.alias)
        told = await view.history.changes(about, 0, 1000)
    assert told
    return [(each.seq, each.kind, each.a, each.b, each.by, each.event) for each in told]


async def test_history_is_forgotten(permissions_dsn: str) -> None:
    """Positions before the limit are refused; those after it say what they said."""
    clock = FixedClock(datetime.now(UTC))
    async with await Database.open(permissions_dsn, "permissions") as database:
        ledger = PostgresLedger(database, clock)
        told = await (await Historian.of(ledger, clock, 5)).live(20)
        token, at, said = told[10]
        while await ledger.forget_history(at + timedelta(milliseconds=1)):
            pass
        async with ledger.looking(Position(token)) as then:
            assert await everything(then) == said
        with pytest.raises(PositionUnknown):
            async with ledger.looking(Position(told[3][0])):
                pass


async def test_tokens_of_nowhere_are_refused() -> None:
    """Another epoch, and the future."""
    ledger = MemoryLedger()
    for token in (ConsistencyToken(9, 0), ConsistencyToken(1, 5)):
        with pytest.raises(PositionUnknown):
            async with ledger.looking(Position(token)):
                pass
