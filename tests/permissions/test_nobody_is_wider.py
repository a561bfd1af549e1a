"""While a snapshot is applied nobody is at any time wider than before it or after it (authorization.md §2.6, §6).

Random worlds become one another by snapshots; after every transaction the roles that the ledger gives are compared with
those of the naive oracle for both worlds.
"""

import json
import random
from collections.abc import Mapping, Sequence
from itertools import count
from typing import Any

import pytest

from access_rules.relations import ROLES, Relations
from access_rules.world import World
from moorage.access.principal import Principal, PrincipalKind
from moorage.events.topics import AUTHORITY
from moorage.permissions.apply import Apply
from moorage.permissions.batches import Record
from moorage.permissions.memory.ledger import MemoryLedger
from moorage.permissions.ports import Ledger
from moorage.permissions.postgres.ledger import PostgresLedger
from moorage.permissions.records import Source, SourceKind, SourceSpec, Transport
from moorage.permissions.stores import Advance
from moorage.runtime.clock import FixedClock
from permissions.sample_facts import (
    grant,
    group,
    group_member,
    member,
    project,
    repository,
    user,
    uuid_of,
    workspace,
)
from permissions.sample_snapshots import whole

PEOPLE, GROUPS = ("ann", "ben", "cid"), ("red", "blue")
PROJECTS, REPOSITORIES = ("PAY", "OPS"), ("one", "two", "three")
STREAM = SourceSpec("stream", SourceKind.CONTINUOUS, Transport.KAFKA)
ACME = uuid_of("workspace", "acme")
Roles = Mapping[tuple[str, str], int]


class Teller:
    """Tells random facts of one workspace, each with the next version."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)
        self._versions = count(1)

    @property
    def version(self) -> int:
        """The next one."""
        return next(self._versions)

    def world(self) -> list[bytes]:
        """A workspace where each thing is there or not."""
        facts = [workspace(version=self.version)]
        # A project that a source never told is not the same as one that it tells no more.
        told = self._some(PROJECTS) or PROJECTS[:1]
        for key in told:
            facts.append(project(key, self._state("archived"), self.version))
        for name in self._some(REPOSITORIES):
            where = self._chance.choice(told)
            facts.append(repository(name, self._state("archived"), self.version, project=where))
        for name in self._some(GROUPS):
            facts.append(group(name, self._state(), self.version))
        return [*facts, *self._edges()]

    def _edges(self) -> list[bytes]:
        facts = []
        for who in PEOPLE:
            facts += [group_member(team, who, self._chance.random() < 0.8, self.version) for team in self._some(GROUPS)]
            if self._chance.random() < 0.3:
                facts.append(member(who, self._chance.choice(["owner", "member", "none"]), self.version))
        nodes = [f"project:{each}" for each in PROJECTS] + [f"repository:{each}" for each in REPOSITORIES]
        for node in nodes:
            for whom in self._some([f"user:{each}" for each in PEOPLE] + [f"group:{each}" for each in GROUPS]):
                facts.append(grant(node, whom, self._chance.choice(["none", "read", "write", "admin"]), self.version))
        if self._chance.random() < 0.2:
            facts.append(grant("workspace:acme", f"group:{self._chance.choice(GROUPS)}", "owner", self.version))
        return facts

    def _some(self, things: Sequence[str]) -> list[str]:
        return [each for each in things if self._chance.random() < 0.6]

    def _state(self, *others: str) -> str:
        return self._chance.choice(["active", "active", *others, "deleted"])


def expected(facts: Sequence[bytes]) -> Roles:
    """What the oracle says: the role of each person on each repository that lives."""
    events: tuple[dict[str, Any], ...] = tuple(json.loads(each) for each in facts)
    relations = Relations(World(events))
    ws = str(ACME)
    return {
        (who, name): ROLES.index(relations.paths(str(uuid_of("user", who)), ws, str(uuid_of("repository", name))))
        if relations.lives_in(ws, str(uuid_of("repository", name)))
        else 0
        for who in PEOPLE
        for name in REPOSITORIES
    }


async def roles(ledger: Ledger) -> Roles:
    """What the ledger says."""
    async with ledger.viewing() as view:
        found = await view.hierarchy.workspace_by_id(ACME)
        if found is None:
            return dict.fromkeys(((who, name) for who in PEOPLE for name in REPOSITORIES), 0)
        told: dict[tuple[str, str], int] = {}
        for name in REPOSITORIES:
            kept = await view.hierarchy.repository(found.alias, uuid_of("repository", name))
            for who in PEOPLE:
                principal = Principal(PrincipalKind.USER, uuid_of("user", who))
                of = [kept.alias] if kept and kept.state.carries_roles else []
                standing = await view.standings.of(principal, None, found.alias, of)
                told[who, name] = int(standing.roles.get(kept.alias, 0)) if kept else 0
        return told


async def becomes(ledger: Ledger, source: Source, snapshot: str, as_of: int, facts: Sequence[bytes], at: int) -> None:
    """The whole of a snapshot has come, and nothing of it is applied yet."""
    part = AUTHORITY.partition_of(ACME)
    records = [Record(at + number, body) for number, body in enumerate(whole(snapshot, as_of, facts))]
    step = Advance("scm.authority.x", part, at, at + len(records))
    await Apply(ledger, FixedClock()).over_kafka([source], records, step)


async def nobody_is_wider(ledger: Ledger, seed: int, step: int) -> None:
    """Three random worlds, one after the other."""
    async with ledger.changing() as change:
        source = await change.sources.declare(STREAM, None)
    teller, at = Teller(seed), 0
    bridge = Apply(ledger, FixedClock(), step=step)
    people = [Record(number, user(who, version=1)) for number, who in enumerate(PEOPLE)]
    async with ledger.changing() as change:
        hand = await change.sources.declare(SourceSpec("hand", SourceKind.MANUAL, Transport.HTTP), None)
    await bridge.over_http(hand, people)
    before = await roles(ledger)
    for number in range(3):
        world = teller.world()
        await becomes(ledger, source, f"s{number}", teller.version, world, at)
        at += len(world) + 2
        after = expected(world)
        while await bridge.snapshots.advance():
            now = await roles(ledger)
            wider = {each: now[each] for each in now if now[each] > max(before[each], after[each])}
            assert wider == {}, (seed, number)
        assert await roles(ledger) == after
        before = after


@pytest.mark.parametrize("seed", range(60))
async def test_nobody_is_wider_in_memory(seed: int) -> None:
    """With one fact a transaction, every order inside a turn shows."""
    await nobody_is_wider(MemoryLedger(), seed, step=1)


@pytest.mark.parametrize("seed", range(60, 64))
async def test_nobody_is_wider_in_postgres(postgres_ledger: PostgresLedger, seed: int) -> None:
    """The same through SQL."""
    await nobody_is_wider(postgres_ledger, seed, step=3)
