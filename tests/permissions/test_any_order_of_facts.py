"""Convergence (R109): any permutation, repetition and batching of a history ends in the state of in-order delivery."""

import json
import random
from collections.abc import Sequence
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moorage.access.frames import Row, RowKind
from moorage.permissions.apply import Apply
from moorage.permissions.batches import Record
from moorage.permissions.memory.ledger import MemoryLedger
from moorage.permissions.ports import Ledger
from moorage.permissions.postgres.ledger import PostgresLedger
from moorage.permissions.records import SourceKind, SourceSpec, Transport
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
from permissions.sample_snapshots import heartbeat

SPEC = SourceSpec("bridge", SourceKind.CONTINUOUS, Transport.HTTP)
PEOPLE, GROUPS, REPOSITORIES = ("ann", "ben"), ("red", "blue"), ("one", "two")


STATES = ("active", "archived", "deleted")


@st.composite
def fact(draw: st.DrawFn, version: int) -> bytes:
    """Something about one of a handful of things."""
    who, team, place = (draw(st.sampled_from(names)) for names in (PEOPLE, GROUPS, REPOSITORIES))
    role, yes = draw(st.sampled_from(["none", "read", "write", "admin"])), draw(st.booleans())
    return draw(
        st.sampled_from(
            [
                grant(f"repository:{place}", f"user:{who}", role, version),
                grant("project:PAY", f"group:{team}", role, version),
                group_member(team, who, yes, version),
                group(team, "active" if yes else "deleted", version),
                repository(place, draw(st.sampled_from(STATES)), version),
                member(who, draw(st.sampled_from(["owner", "member", "none"])), version),
                user(who, yes, version),
                project(state="active" if yes else "deleted", version=version),
            ]
        )
    )


@st.composite
def histories(draw: st.DrawFn) -> list[bytes]:
    """Facts with rising versions; now and then two values of one thing claim one version."""
    facts = [workspace(version=1)]
    for at in range(2, draw(st.integers(2, 30))):
        facts.append(draw(fact(at - draw(st.sampled_from([0, 0, 0, 1])))))
    return facts


async def state_after(ledger: Ledger, batches: Sequence[Sequence[bytes]]) -> list[tuple[object, ...]]:
    """What a snapshot says after these batches, with uuids for aliases."""
    async with ledger.changing() as change:
        source = await change.sources.declare(SPEC, None)
    clock = FixedClock()
    apply = Apply(ledger, clock)
    for batch in batches:
        if batch:
            await apply.over_http(source, [Record(number, body) for number, body in enumerate(batch, 1)])
    # Who was inactive before is active again when the source has nothing older to tell (§2.1).
    clock.advance(timedelta(seconds=1))
    await apply.over_http(source, [Record(1, heartbeat(SPEC.name, clock.now().isoformat()))])
    async with ledger.viewing() as view:
        found = await view.hierarchy.workspace_by_id(uuid_of("workspace", "acme"))
        told = await view.snapshots.rows(None) + await view.snapshots.rows(found)
    return sorted(named(told), key=str)


def named(rows: Sequence[Row]) -> set[tuple[object, ...]]:
    """Rows without aliases, whose numbers depend on the order of arrival."""
    names: dict[int, object] = {0: "-"}
    names |= {row[2]: row[6]["uuid"] for row in rows if row[0] == RowKind.INTERN and len(row) == 7}
    facts = [row for row in rows if row[0] != RowKind.INTERN]
    return {(row[0], names[row[1]], names[row[2]], names.get(row[3], row[3]), *row[4:6], str(row[6:])) for row in facts}


def split(facts: list[bytes], chance: random.Random) -> list[list[bytes]]:
    """The facts in batches of any size."""
    batches: list[list[bytes]] = [[]]
    for fact in facts:
        batches[-1].append(fact)
        if chance.random() < 0.3:
            batches.append([])
    return batches


@settings(deadline=None)
@given(histories(), st.randoms(use_true_random=False))
async def test_any_order_ends_the_same_in_memory(history: list[bytes], chance: random.Random) -> None:
    """Shuffled, repeated and cut anywhere."""
    shuffled = history + chance.choices(history, k=len(history) // 2)
    chance.shuffle(shuffled)
    in_order = await state_after(MemoryLedger(), [[fact] for fact in history])
    assert await state_after(MemoryLedger(), split(shuffled, chance)) == in_order


@pytest.mark.parametrize("seed", range(6))
async def test_postgres_ends_like_memory(postgres_ledger: PostgresLedger, seed: int) -> None:
    """The same facts in another order, through the SQL."""
    chance = random.Random(seed)
    history = [
        workspace(version=1),
        project(version=2),
        *(
            grant(f"{node}", f"{grantee}", chance.choice(["none", "read", "admin"]), version)
            for version, (node, grantee) in enumerate(
                (
                    (chance.choice(["repository:one", "repository:two", "project:PAY"]), whom)
                    for whom in chance.choices(["user:ann", "user:ben", "group:red", "group:blue"], k=40)
                ),
                3,
            )
        ),
        *(repository(chance.choice(REPOSITORIES), chance.choice(["active", "deleted"]), n) for n in range(50, 60)),
        *(group_member(chance.choice(GROUPS), chance.choice(PEOPLE), chance.random() < 0.5, n) for n in range(60, 80)),
        *(group(chance.choice(GROUPS), chance.choice(["active", "deleted"]), n) for n in range(80, 90)),
        *(user(chance.choice(PEOPLE), chance.random() < 0.5, n) for n in range(90, 99)),
        *(member(chance.choice(PEOPLE), chance.choice(["owner", "member", "none"]), n) for n in range(99, 110)),
    ]
    shuffled = history + chance.choices(history, k=20)
    chance.shuffle(shuffled)
    spelled = [json.dumps(json.loads(each)).encode() for each in history]
    assert await state_after(postgres_ledger, split(shuffled, chance)) == await state_after(MemoryLedger(), [spelled])


@settings(deadline=None)
@given(histories(), st.randoms(use_true_random=False))
async def test_edges_by_columns_end_as_one_by_one(history: list[bytes], chance: random.Random) -> None:
    """What is written with blanks is not read the shortest way, and some of it may be."""
    spelled = [json.dumps(json.loads(each)).encode() for each in history]
    mixed = [chance.choice(pair) for pair in zip(history, spelled, strict=True)]
    one_by_one = await state_after(MemoryLedger(), [[fact] for fact in spelled])
    assert await state_after(MemoryLedger(), split(history, chance)) == one_by_one
    assert await state_after(MemoryLedger(), split(mixed, chance)) == one_by_one
