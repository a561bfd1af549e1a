"""What a replica keeps for its decisions never outlives what it rests on (docs/decisions/0002)."""

from random import Random
from uuid import UUID

import pytest

from access_rules.frame_rows import RowWriter, split
from access_rules.random_worlds import WorldMaker
from access_rules.replica_engine import decide
from access_rules.world import Question
from moorage.access.frames import Delta, EntityKind, Row, RowKind, Snapshot
from moorage.access.image import NodeState
from moorage.gateway.replica.nodes import Node
from moorage.gateway.replica.reach import Reach, Reaches
from moorage.gateway.replica.replica import Replica

CHANGES = 120
FRAME_ROWS = 2
VALUES = {
    RowKind.USER_GROUP: (0, 1),
    RowKind.GROUP_REPOSITORY: (0, 1, 2, 3),
    RowKind.USER_REPOSITORY: (0, 1, 2, 3),
    RowKind.GROUP_PROJECT: (0, 1, 2, 3),
    RowKind.USER_PROJECT: (0, 1, 2, 3),
    RowKind.WORKSPACE_ROLE: (0, 1, 2, 3),
    RowKind.PRINCIPAL: (0, 1),
    RowKind.NODE: (1, 1, 2, 3, 4, 5),
}


@pytest.mark.parametrize("seed", range(12))
def test_a_replica_that_has_decided_decides_like_a_new_one(seed: int) -> None:
    """After every frame of whatever changes, though it was asked about everything before it."""
    maker, chance = WorldMaker(seed), Random(seed)
    world = maker.world()
    writer = RowWriter.of(world)
    rows, questions = list(writer.rows), list(maker.questions(60))
    first = len(rows) // 2
    told = [*rows, *changes(chance, rows)]
    running, ends = replica(told[:first]), range(first, len(told), FRAME_ROWS)
    for start in ends:
        part = told[start : start + FRAME_ROWS]
        running.apply(Delta(epoch=1, first=start, last=start + len(part), t=0, rows=part))
        fresh = replica(told[: start + len(part)])
        asked: list[Question] = chance.sample(questions, 20)
        for question in asked:
            assert decide(running, question, world.now) == decide(fresh, question, world.now), (seed, start, part)


def changes(chance: Random, rows: list[Row]) -> list[Row]:
    """Rows that say something else about what others were about; repositories change their project as well."""
    able = [*(row for row in rows if row[0] in VALUES), *owning_groups(rows)]
    made: list[Row] = []
    for _ in range(CHANGES):
        row = chance.choice(able)
        kind, ws, a, b, _, version, *extra = row
        if kind == RowKind.NODE and row[-1]["kind"] == EntityKind.REPOSITORY:  # type: ignore[index]  # a node's extra
            b = chance.choice([each[2] for each in able if _is_project(each) and each[1] == ws] or [b])
        value = chance.choice(VALUES[RowKind(kind)])
        made.append((kind, ws, a, b, value, version + 1, *extra))  # type: ignore[arg-type]  # as long as the row was
    return made


def owning_groups(rows: list[Row]) -> list[Row]:
    """A row for each group that could make it an owner of its workspace."""
    groups = [row for row in rows if len(row) == 7 and row[0] == RowKind.NODE and row[6]["kind"] == EntityKind.GROUP]
    return [(int(RowKind.WORKSPACE_ROLE), row[1], row[2], 1, 3, 1) for row in groups]


def _is_project(row: Row) -> bool:
    return len(row) == 7 and row[0] == RowKind.NODE and row[6]["kind"] == EntityKind.PROJECT


def replica(rows: list[Row]) -> Replica:
    """One that is told all of it by snapshots."""
    made = Replica.load(Snapshot(epoch=1, seq=len(rows), rows=list(split(rows, 0))))
    for row in rows:
        if row[0] == RowKind.INTERN and len(row) == 7 and row[6]["kind"] == EntityKind.WORKSPACE:
            workspace = UUID(row[6]["uuid"])
            made.expect(workspace)
            made.adopt(workspace, Snapshot(epoch=1, seq=len(rows), rows=list(split(rows, row[2]))))
    return made


def test_no_more_is_kept_than_there_is_room_for() -> None:
    """The oldest ones go first, and their nodes know nothing of them."""
    reaches, nodes = Reaches(), [Node(alias) for alias in range(1, 200)]
    for node in nodes:
        reaches.keep(node, Reach(dict.fromkeys(range(100), 1), NodeState.ACTIVE), 64_000)
    assert [node.reach is not None for node in nodes] == [False] * 179 + [True] * 20
    full = reaches.size
    reaches.forget(nodes[-1])
    reaches.forget(nodes[0])
    assert reaches.size == full * 19 // 20
    reaches.forget_all()
    assert all(node.reach is None for node in nodes)
    for node in nodes[:40]:
        reaches.keep(node, Reach({1: 1}, NodeState.ACTIVE), 64_000)
        assert reaches.size <= full
    assert reaches.size == full * 40 // 2000
