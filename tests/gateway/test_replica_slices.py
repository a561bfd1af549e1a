"""A frame is applied by slices, and nobody ever decides from a half of it (authorization.md §3.8)."""

from collections.abc import Iterator, Mapping
from random import Random
from uuid import UUID

import pytest

from access_rules.engines import Answer
from access_rules.frame_rows import RowWriter
from access_rules.random_worlds import WorldMaker
from access_rules.replica_engine import decide
from access_rules.world import Question, World
from gateway.test_replica_reach import changes
from gateway.test_replica_reach import replica as replica_of
from moorage.access.consistency import ConsistencyToken
from moorage.access.frames import Delta, Row, RowKind, Snapshot
from moorage.gateway.replica.gaps import NotServed, RowUnreadable
from moorage.gateway.replica.replica import MAX_FRAME_ROWS, Replica
from moorage.gateway.replica.slices import SLICE_COST, cost_of

FRAME_ROWS = 40
HOME, AWAY = UUID(int=1), UUID(int=2)
ALIASES = {HOME: 1, AWAY: 2}
FIRST = 4


def interned(alias: int, kind: str, id: UUID) -> Row:
    """The row of an alias."""
    return (RowKind.INTERN, 0, alias, 0, 0, 0, {"kind": kind, "uuid": str(id)})


def settled() -> Replica:
    """Two empty workspaces, both served."""
    rows: list[Row] = [
        (RowKind.INTERN, 0, alias, 0, 0, 0, {"kind": "workspace", "uuid": str(id)}) for id, alias in ALIASES.items()
    ]
    rows += [(RowKind.WORKSPACE, 0, alias, 0, 1, 1, {"slug": f"w{alias}"}) for alias in ALIASES.values()]
    made = Replica.load(Snapshot(epoch=1, seq=FIRST, rows=rows))
    for id in ALIASES:
        made.expect(id)
        made.adopt(id, Snapshot(epoch=1, seq=FIRST, rows=[]))
    return made


def served(replica: Replica) -> set[UUID]:
    """The workspaces that may be decided from."""
    return {each.id for each in replica.directory() if replica.serves(each)}


def frame(rows: list[Row]) -> Delta:
    """The next frame of a settled replica."""
    return Delta(epoch=1, first=FIRST, last=FIRST + len(rows), t=0, rows=rows)


def memberships(count: int, home: int = 1) -> list[Row]:
    """So many users of a group."""
    return [(RowKind.USER_GROUP, home, 100 + user, 7, 1, 1) for user in range(count)]


def test_no_slice_is_longer_than_it_may_be() -> None:
    """Of the longest frame there may be; only its own workspace is withheld, and the position stays until the end."""
    replica, applied = settled(), [0]
    edges = replica._parts.all[1].facts.edges
    for _ in replica.slices(frame(memberships(MAX_FRAME_ROWS))):
        applied.append(len(edges))
        assert served(replica) == {AWAY}
        assert replica.position == ConsistencyToken(1, FIRST)
        assert replica.whole
    steps = [after - before for before, after in zip(applied, [*applied[1:], len(edges)], strict=True)]
    assert max(steps) <= SLICE_COST
    assert len(applied) - 1 == MAX_FRAME_ROWS // SLICE_COST
    assert served(replica) == {HOME, AWAY}
    assert replica.position == ConsistencyToken(1, FIRST + MAX_FRAME_ROWS)


@pytest.mark.parametrize("told", [0, 1, 4, 9, 10, 12])
def test_of_rows_that_are_alike_only_those_are_new_that_the_snapshot_did_not_tell(told: int) -> None:
    """A snapshot's position may lie between two rows of one kind, and behind all of them."""
    replica = settled()
    replica.expect(HOME)
    replica.adopt(HOME, Snapshot(epoch=1, seq=FIRST + told, rows=[]))
    for _ in replica.slices(frame(memberships(10)), 3):
        assert not replica.serves(replica.directory()[0])
    users = [key for key, _ in replica._parts.all[1].facts.edges]
    assert users == [100 + user for user in range(told, 10)]


def test_a_short_frame_is_one_slice() -> None:
    """Nobody waits for what is soon over."""
    assert list(settled().slices(frame(memberships(SLICE_COST - 1)))) == []


def test_what_takes_longer_costs_more() -> None:
    """A record costs as much as several edges, and so does each of its publishers."""
    record = (RowKind.IMAGE, 1, 5, 6, 1, 1, {"publishers": [{}] * 100, "consumer_repositories": ["x"] * 10})
    assert cost_of((RowKind.USER_GROUP, 1, 2, 3, 1, 1)) == 1
    assert cost_of(record) > 100
    assert cost_of((RowKind.IMAGE, 1, 5, 6, 1, 1, {"publishers": "no list"})) < 10


def people(count: int) -> list[Row]:
    """So many users who become active."""
    named = [interned(100 + user, "user", UUID(int=100 + user)) for user in range(count)]
    return [*named, *((RowKind.PRINCIPAL, 0, 100 + user, 0, 1, 1, {"account": "x"}) for user in range(count))]


def test_what_is_said_of_everybody_is_said_at_once() -> None:
    """Where it fits into a slice, it comes with the end of the frame, and nobody is withheld."""
    replica = settled()
    for _ in replica.slices(frame([*people(SLICE_COST), *memberships(SLICE_COST, home=2)])):
        assert replica.whole
        assert HOME in served(replica)
        assert not any(replica._site.active)
    assert sum(replica._site.active) == SLICE_COST


def test_while_much_is_said_of_everybody_nobody_is_served() -> None:
    """Not even where no row of the frame belongs; nor is it said that a workspace does not exist."""
    replica, withheld = settled(), 0
    for _ in replica.slices(frame(people(SLICE_COST * 3))):
        if any(replica._site.active):
            withheld += 1
            assert not replica.whole
            assert served(replica) == set()
    assert withheld == 3
    assert replica.whole
    assert served(replica) == {HOME, AWAY}


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("cost", [1, 9])
def test_decisions_are_those_of_before_or_of_after(seed: int, cost: int) -> None:
    """Between any two slices of a frame: as before it, or not at all; at its end, as a new replica decides."""
    maker, chance = WorldMaker(seed), Random(seed)
    world = maker.world()
    rows, questions = list(RowWriter.of(world).rows), list(maker.questions(50))
    first = len(rows) // 2
    told = [*rows, *changes(chance, rows)]
    running, decided, waited = replica_of(told[:first]), 0, 0
    for start in range(first, len(told), FRAME_ROWS):
        part = told[start : start + FRAME_ROWS]
        before = answers(running, questions, world)
        for _ in running.slices(Delta(epoch=1, first=start, last=start + len(part), t=0, rows=part), cost):
            for question in chance.sample(questions, 6):
                now = answer(running, question, world)
                assert now in (None, before[question]), (seed, start, question)
                decided, waited = decided + (now is not None), waited + (now is None)
        assert answers(running, questions, world) == answers(replica_of(told[: start + len(part)]), questions, world)
    assert decided > 0
    assert waited > 0


def answer(replica: Replica, question: Question, world: World) -> Answer | None:
    """What the replica decides; None if it can't now."""
    try:
        return decide(replica, question, world.now)
    except NotServed:
        return None


def answers(replica: Replica, questions: list[Question], world: World) -> Mapping[Question, Answer | None]:
    """All of them."""
    return {question: answer(replica, question, world) for question in questions}


def half(replica: Replica, rows: list[Row]) -> Iterator[None]:
    """A frame of which one row was applied."""
    slices = replica.slices(frame(rows), 1)
    next(slices)
    return slices


def whole(rows: list[Row]) -> Replica:
    """A replica that has taken them in at once."""
    made = settled()
    made.apply(frame(rows))
    return made


def test_a_workspace_expected_in_the_middle_of_a_frame_is_told_from_its_end() -> None:
    """Rows of it have gone by already: an older snapshot would never hear of them."""
    replica, rows = settled(), memberships(4)
    replica.drop(HOME)
    slices = half(replica, rows)
    assert replica.expect(HOME) == ConsistencyToken(1, FIRST + 4)
    list(slices)
    replica.adopt(HOME, Snapshot(epoch=1, seq=FIRST + 4, rows=rows))
    assert served(replica) == {HOME, AWAY}
    assert replica.contents == whole(rows).contents


def test_a_workspace_that_comes_in_the_middle_of_a_frame_waits_for_its_end() -> None:
    """Its snapshot is of before; rows of the frame were put aside, and others follow."""
    replica, rows = settled(), memberships(4)
    replica.drop(HOME)
    replica.expect(HOME)
    slices = half(replica, rows)
    replica.adopt(HOME, Snapshot(epoch=1, seq=FIRST, rows=[]))
    assert served(replica) == {AWAY}
    for _ in slices:
        assert served(replica) == {AWAY}
    assert served(replica) == {HOME, AWAY}
    assert replica.contents == whole(rows).contents
    sums = [each.sum_at(HOME, ConsistencyToken(1, FIRST + 4)) for each in (replica, whole(rows))]
    assert sums[0] == sums[1] is not None


def test_a_workspace_that_is_dropped_in_the_middle_of_a_frame_stays_away() -> None:
    """The rest of the frame passes it by."""
    replica = settled()
    slices = half(replica, memberships(4))
    replica.drop(HOME)
    list(slices)
    assert served(replica) == {AWAY}


def test_sums_inside_a_frame_are_those_of_before() -> None:
    """Of the position where the replica still stands; what it goes to is not known before the end."""
    replica, rows = settled(), memberships(4)
    before = replica.sum_at(HOME, replica.position)
    slices = half(replica, rows)
    assert replica.sum_at(HOME, ConsistencyToken(1, FIRST)) == before
    assert replica.sum_at(HOME, ConsistencyToken(1, FIRST + 4)) is None
    list(slices)
    assert replica.sum_at(HOME, ConsistencyToken(1, FIRST)) == before
    assert replica.sum_at(HOME, replica.position) == whole(rows).sum_at(HOME, replica.position) != before


def test_a_row_that_can_not_be_read_leaves_nothing_to_go_on_from() -> None:
    """What was applied before it stays withheld, and no frame follows."""
    replica = settled()
    bad = (RowKind.USER_REPOSITORY, 1, 5, 6, 9, 1)
    slices = half(replica, [*memberships(2), bad])
    with pytest.raises(RowUnreadable):
        list(slices)
    assert HOME not in served(replica)
    with pytest.raises(RowUnreadable):
        replica.apply(frame(memberships(1)))


def test_a_frame_that_was_left_in_the_middle_is_never_gone_on_from() -> None:
    """Whoever took it in was ended."""
    replica = settled()
    half(replica, memberships(4)).close()  # type: ignore[attr-defined]  # a generator
    with pytest.raises(RowUnreadable):
        replica.apply(frame(memberships(1)))
    assert served(replica) == {AWAY}
