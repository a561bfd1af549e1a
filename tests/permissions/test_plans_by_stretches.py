"""A snapshot is planned some facts at a time: whatever ends the process in between, the end is the same (§2.6)."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import cast

import pytest

from moorage.permissions.apply import Apply
from moorage.permissions.batches import Record
from moorage.permissions.memory.ledger import MemoryLedger
from moorage.permissions.ports import Change, Ledger
from moorage.permissions.reconcile.applying import ApplySnapshots
from moorage.permissions.reconcile_stores import RunState
from moorage.permissions.records import Source, SourceKind, SourceSpec, Transport
from moorage.runtime.clock import FixedClock
from permissions.sample_facts import grant, group, group_member, member, project, repository, uuid_of, workspace
from permissions.sample_snapshots import whole

BRIDGE = SourceSpec("bridge", SourceKind.CONTINUOUS, Transport.HTTP)
OTHER = SourceSpec("other", SourceKind.CONTINUOUS, Transport.HTTP)
ACME = uuid_of("workspace", "acme")
PEOPLE = tuple(f"u{n}" for n in range(14))


def site(version: int, people: Sequence[str]) -> list[bytes]:
    """acme with a project, two repositories, and people in a group."""
    return [
        workspace(version=version),
        project(version=version),
        repository("hello", version=version),
        repository("ledger", version=version),
        group("devs", version=version),
        *(group_member("devs", name, version=version) for name in people),
        *(grant("repository:hello", f"user:{name}", "write", version) for name in people),
    ]


BEFORE = site(1, PEOPLE)
AFTER = [*site(20, PEOPLE[::2])[:-3], grant("project:PAY", "group:devs", "read", 20), member("u1", "owner", 20)]
LATE = [grant("repository:hello", "user:u3", "admin", 19), group_member("devs", "late", version=18)]
NEWER = [group_member("devs", "u1", version=70), grant("repository:hello", "user:u0", "none", 71)]


class Killed(Exception):
    """The process ended."""


class MortalLedger:
    """A ledger whose process ends just before the n-th change is committed."""

    def __init__(self, ledger: Ledger, dies_at: int) -> None:
        self._ledger = ledger
        self._left = dies_at
        self.viewing = ledger.viewing

    @asynccontextmanager
    async def changing(self, source: int | None = None) -> AsyncIterator[Change]:
        """See Ledger. Raises Killed."""
        async with self._ledger.changing(source) as change:
            yield change
            self._left -= 1
            if not self._left:
                raise Killed


async def send(ledger: Ledger, source: Source, *bodies: bytes) -> None:
    """Sends a batch, without driving what it completes."""
    apply = Apply(ledger, FixedClock())
    apply.snapshots = cast(ApplySnapshots, Idle())
    await apply.over_http(source, [Record(number, body) for number, body in enumerate(bodies, 1)])


class Idle:
    """Drives nothing."""

    async def drive(self, seconds: float | None = None) -> bool:
        """Leaves everything."""
        return True


def driver(ledger: Ledger, dies_at: int = 0) -> ApplySnapshots:
    """What applies snapshots, one fact at a time, until it dies."""
    mortal = cast(Ledger, MortalLedger(ledger, dies_at))
    return Apply(mortal, FixedClock(), step=1).snapshots


async def began(ledger: Ledger) -> Source:
    """What was there before, and a snapshot that is whole."""
    async with ledger.changing() as change:
        source = await change.sources.declare(BRIDGE, None)
    await send(ledger, source, *BEFORE)
    await send(ledger, source, *whole("s1", 50, AFTER))
    return source


async def told(ledger: Ledger) -> tuple[object, object]:
    """Everything of the workspace: what is there, and in which version."""
    async with ledger.viewing() as view:
        found = await view.hierarchy.workspace_by_id(ACME)
        assert found
        rows = await view.snapshots.rows(found)
        names = {row[2]: row[6]["uuid"] for row in rows if row[0] == 0 and len(row) == 7}
        kept = await view.authorities.of([found.alias])
        sums = {key[1]: (each.facts, each.checksum, each.floor) for key, each in kept.items()}
        said = {(row[0], names.get(row[2], row[2]), names.get(row[3], row[3]), *row[4:6]) for row in rows if row[0]}
        return said, sums


async def state(ledger: Ledger) -> RunState:
    """Where the one run stands."""
    async with ledger.viewing() as view:
        run = await view.runs.by_id(1)
        assert run
        return run.state


async def test_whatever_change_it_dies_at_the_end_is_the_same(ledger: Ledger) -> None:
    """Every change of the run is undone once, then made again; it takes many."""
    await began(ledger)
    deaths = 0
    while await state(ledger) is not RunState.DONE:
        with pytest.raises(Killed):
            await driver(ledger, dies_at=1).drive()
        deaths += 1
        await driver(ledger).advance()
    assert deaths > 20
    other = MemoryLedger()
    await began(other)
    await Apply(other, FixedClock()).snapshots.drive()
    assert await told(ledger) == await told(other)


@pytest.mark.parametrize("after", [1, 2, 3, 5, 7])
async def test_what_comes_while_turns_are_noted_is_judged_as_after_the_snapshot(ledger: Ledger, after: int) -> None:
    """What is late is dropped, what is newer stays, wherever the noting has come to."""
    source = await began(ledger)
    for _ in range(after):
        await driver(ledger).advance()
    assert await state(ledger) is RunState.PLANNING
    await send(ledger, source, *LATE)
    await send(ledger, source, *NEWER)
    await driver(ledger).drive()
    other = MemoryLedger()
    source = await began(other)
    await Apply(other, FixedClock()).snapshots.drive()
    await send(other, source, *LATE)
    await send(other, source, *NEWER)
    assert await told(ledger) == await told(other)


async def test_one_that_is_settled_is_finished_though_another_begins(ledger: Ledger) -> None:
    """Before that it is given up: its late facts have still counted."""
    source = await began(ledger)
    await driver(ledger).advance()
    await send(ledger, source, *whole("s2", 60, BEFORE))
    await driver(ledger).drive()
    assert await state(ledger) is RunState.DONE
    async with ledger.viewing() as view:
        second = await view.runs.by_id(2)
    assert second
    assert second.state is RunState.DONE


@pytest.mark.parametrize("after", [1, 2, 3, 5, 8, 13, 30, 60])
async def test_numbers_of_the_old_source_beat_nothing_that_the_new_one_tells(ledger: Ledger, after: int) -> None:
    """Wherever a takeover has come to, a revocation counts though its version is lower than what was said before."""
    async with ledger.changing() as change:
        old, new = await change.sources.declare(BRIDGE, None), await change.sources.declare(OTHER, None)
    await send(ledger, old, *site(10_000, PEOPLE))
    await send(ledger, new, *whole("s1", 50, site(40, PEOPLE)))
    for _ in range(after):
        await driver(ledger).advance()
    gone = [group_member("devs", name, present=False, version=60) for name in PEOPLE[:4]]
    narrower = [grant("repository:hello", f"user:{name}", "read", 61) for name in PEOPLE]
    await send(ledger, new, *gone, *narrower)
    await driver(ledger).drive()
    other = MemoryLedger()
    async with other.changing() as change:
        await change.sources.declare(BRIDGE, None)
        new = await change.sources.declare(OTHER, None)
    await send(other, new, *site(40, PEOPLE))
    await send(other, new, *gone, *narrower)
    assert (await told(ledger))[0] == (await told(other))[0]
