"""The replica takes frames whole, in order, without a hole, and joins snapshots to the stream."""

import pytest

from gateway.village_order import EPOCH, WORKSPACE, Order, identifier
from moorage.access.action import Action
from moorage.access.frames import Beat, Delta, Row, RowKind, Snapshot
from moorage.access.principal import Identity
from moorage.access.reason import Reason
from moorage.access.role import Role
from moorage.gateway.replica.gaps import GapInStream, RowUnreadable, WorkspaceNotLoaded
from moorage.gateway.replica.replica import Replica
from moorage.runtime.clock import FixedClock

HOME = identifier(f"ws:{WORKSPACE}")


@pytest.fixture
def village() -> Order:
    """A workspace with one repository and one image."""
    order = Order(FixedClock())
    order.repository("ledger")
    order.image("ledger/api", "ledger")
    return order


def delta(order: Order, first: int, last: int, epoch: int = EPOCH) -> Delta:
    """The frame with the rows after `first`, up to `last`."""
    return Delta(epoch=epoch, first=first, last=last, t=0, rows=order.rows[first:last])


def part(order: Order, seq: int, home: int) -> Snapshot:
    """The snapshot of a workspace, or of the global part, at a position."""
    return Snapshot(epoch=EPOCH, seq=seq, rows=[row for row in order.rows[:seq] if row[1] == home])


async def global_replica(order: Order) -> Replica:
    """A replica of the global part at head."""
    return Replica.load(await order.snapshot(None))


def pull(replica: Replica, who: Identity) -> Reason:
    """What the replica says of a pull of the image."""
    workspace = replica.workspace(WORKSPACE)
    assert workspace
    return replica.decide(who, workspace, "ledger/api", Action.PULL, FixedClock().now()).decision.reason


@pytest.mark.parametrize(
    ("first", "last", "epoch"),
    [(1, 2, EPOCH), (0, 1, EPOCH + 1), (0, 1, EPOCH - 1)],
    ids=["a hole", "a newer epoch", "an older epoch"],
)
def test_a_frame_that_does_not_join_is_a_gap(village: Order, first: int, last: int, epoch: int) -> None:
    """Nothing of it is applied, and the position stays."""
    replica = Replica(EPOCH, 0)
    with pytest.raises(GapInStream):
        replica.apply(delta(village, first, last, epoch))
    assert replica.seq == 0


def test_a_frame_that_repeats_what_was_applied_is_a_gap(village: Order) -> None:
    """Sent twice is not in order."""
    replica = Replica(EPOCH, 0)
    replica.apply(delta(village, 0, 2))
    with pytest.raises(GapInStream):
        replica.apply(delta(village, 1, 3))


def test_a_frame_with_fewer_rows_than_its_bounds_is_a_gap(village: Order) -> None:
    """Each row has one seq: one that is missing shows."""
    with pytest.raises(GapInStream):
        Replica(EPOCH, 0).apply(Delta(epoch=EPOCH, first=0, last=3, t=0, rows=village.rows[:2]))


def test_a_beat_of_another_epoch_is_a_gap() -> None:
    """History may have been rewritten."""
    with pytest.raises(GapInStream):
        Replica(EPOCH, 0).pass_on(Beat(epoch=EPOCH + 1, head=0, t=0))


@pytest.mark.parametrize(
    "row",
    [
        (RowKind.IMAGE, 0, 5, 6, 1, 1, {"name": "half a record"}),
        (RowKind.NODE, 0, 5, 0, 77, 1, {"kind": "repository", "slug": "x"}),
        (RowKind.INTERN, 0, 5, 0, 0, 0, {"kind": "user", "uuid": "no uuid"}),
        (RowKind.INTERN, 0, 5, 0, 0, 0, {"kind": "user", "uuid": "12ab-34cd"}),
        (RowKind.USER_REPOSITORY, 0, 5, 6, 9, 1),
    ],
    ids=["image", "node state", "alias", "half an alias", "role"],
)
def test_a_row_that_breaks_the_contract_is_told_apart(row: Row) -> None:
    """Part of its frame may have been applied, so nobody may be served from the replica."""
    with pytest.raises(RowUnreadable):
        Replica(EPOCH, 0).apply(Delta(epoch=EPOCH, first=0, last=1, t=0, rows=[row]))


def test_rows_of_kinds_to_come_are_ignored(village: Order) -> None:
    """A newer authority may say more."""
    village.unknown_row()
    replica = Replica(EPOCH, 0)
    replica.apply(delta(village, 0, len(village.rows)))
    assert replica.seq == len(village.rows)


async def test_rows_of_workspaces_that_are_not_loaded_are_skipped(village: Order) -> None:
    """Their seqs count, their content does not; global rows are applied."""
    replica = await global_replica(village)
    before = len(village.rows)
    village.grant("bob", "ledger", Role.READ)
    bob = village.user("bob")
    replica.apply(delta(village, before, len(village.rows)))
    assert replica.seq == len(village.rows)
    with pytest.raises(WorkspaceNotLoaded):
        pull(replica, bob)
    assert replica.revoked(bob) is None


async def test_rows_that_arrive_while_a_snapshot_is_under_way_are_not_lost(village: Order) -> None:
    """A revocation between the snapshot's position and its arrival counts once it is served."""
    bob = village.user("bob")
    village.grant("bob", "ledger", Role.READ)
    replica = await global_replica(village)
    replica.expect(HOME)
    snapshot = await village.snapshot(HOME)
    before = len(village.rows)
    village.grant("bob", "ledger", Role.NONE)
    replica.apply(delta(village, before, len(village.rows)))
    replica.adopt(HOME, snapshot)
    assert pull(replica, bob) is Reason.NO_READ


async def test_a_workspace_is_served_once_the_stream_has_passed_its_snapshot(village: Order) -> None:
    """Until then one seq would not describe everything."""
    before = len(village.rows)
    replica = await global_replica(village)
    bob = village.user("bob")
    village.grant("bob", "ledger", Role.READ)
    replica.expect(HOME)
    replica.adopt(HOME, await village.snapshot(HOME))
    with pytest.raises(WorkspaceNotLoaded):
        pull(replica, bob)
    assert not replica.caught_up()
    replica.apply(delta(village, before, len(village.rows)))
    assert replica.caught_up()
    assert pull(replica, bob) is Reason.OK


async def test_rows_that_the_snapshot_tells_are_not_applied_again(village: Order) -> None:
    """An older row of the stream does not undo what the snapshot knows."""
    bob = village.user("bob")
    before = len(village.rows)
    village.grant("bob", "ledger", Role.READ)
    village.grant("bob", "ledger", Role.NONE)
    replica = Replica.load(part(village, before, 0))
    replica.expect(HOME)
    replica.adopt(HOME, await village.snapshot(HOME))
    replica.apply(delta(village, before, before + 2))
    replica.apply(delta(village, before + 2, len(village.rows)))
    assert pull(replica, bob) is Reason.NO_READ


@pytest.mark.parametrize(("epoch", "seq"), [(EPOCH + 1, 100), (EPOCH, 1)], ids=["another epoch", "older than expected"])
async def test_a_snapshot_that_does_not_join_is_refused(village: Order, epoch: int, seq: int) -> None:
    """It would leave a hole between itself and the rows put aside."""
    replica = await global_replica(village)
    replica.expect(HOME)
    with pytest.raises(GapInStream):
        replica.adopt(HOME, Snapshot(epoch=epoch, seq=seq, rows=[]))


async def test_a_workspace_whose_snapshot_can_not_be_read_is_never_served(village: Order) -> None:
    """Not even after a good one: something of the bad one may have been taken in."""
    replica = await global_replica(village)
    good = await village.snapshot(HOME)
    replica.expect(HOME)
    bad = Snapshot(epoch=EPOCH, seq=good.seq, rows=[*good.rows, (RowKind.USER_REPOSITORY, 1, 5, 6, 9, 1)])
    with pytest.raises(RowUnreadable):
        replica.adopt(HOME, bad)
    with pytest.raises(GapInStream):
        replica.expect(HOME)


async def test_a_name_passes_to_the_image_that_bears_it_now(village: Order) -> None:
    """The deleted image's row does not take the name away from its successor (E6)."""
    old = village.images[identifier("im:ledger/api")]
    replica = Replica(EPOCH, 0)
    replica.apply(delta(village, 0, len(village.rows)))
    replica.expect(HOME)
    replica.adopt(HOME, await village.snapshot(HOME))
    workspace = replica.workspace(WORKSPACE)
    assert workspace
    assert replica.image(workspace, "ledger/api")
    before = len(village.rows)
    row = next(row for row in reversed(village.rows) if row[0] == RowKind.IMAGE)
    gone = (*row[:4], 0, *row[5:])
    replica.apply(Delta(epoch=EPOCH, first=before, last=before + 1, t=0, rows=[gone]))
    assert replica.image(workspace, "ledger/api") is None
    assert old.id == identifier("im:ledger/api")


async def test_names_lead_to_what_bears_them(village: Order) -> None:
    """Workspace, repository and image by name; nothing for names that nobody bears."""
    replica = await global_replica(village)
    replica.expect(HOME)
    replica.adopt(HOME, await village.snapshot(HOME))
    workspace = replica.workspace(WORKSPACE)
    assert workspace
    assert workspace.id == HOME
    assert replica.repository(workspace, "ledger") == identifier("re:ledger")
    assert replica.repository(workspace, "mint") is None
    assert replica.workspace("elsewhere") is None
    assert replica.loaded == {HOME}


async def test_a_name_is_that_of_the_workspace_that_lives(village: Order) -> None:
    """In whatever order a snapshot and the stream tell of those that bear it, or bore it."""
    rows: list[Row] = []
    for alias, (slug, state) in enumerate([("old", 1), (WORKSPACE, 3)], 1001):
        extra = {"kind": "workspace", "uuid": str(identifier(f"ws:{alias}"))}
        rows += [(RowKind.INTERN, 0, alias, 0, 0, 0, extra), told_workspace(alias, slug, state)]
    replica = await global_replica(village)
    seq = replica.seq
    for row in [*rows, told_workspace(1001, WORKSPACE, 1), told_workspace(1001, "new", 1)]:
        replica.apply(Delta(epoch=EPOCH, first=seq, last=seq + 1, t=0, rows=[row]))
        seq += 1
        found = replica.workspace(WORKSPACE)
        assert found
        assert found.id == HOME
    assert replica.workspace("old") is None
    assert replica.workspace("new")


def told_workspace(alias: int, slug: str, state: int) -> Row:
    """The row of a workspace."""
    extra = {"slug": slug, "allow_public": False, "default_push_policy": "repository_write"}
    return (RowKind.WORKSPACE, 0, alias, 0, state, 1, extra)


async def test_a_lane_of_identities_counts_from_when_it_is_first_heard(village: Order) -> None:
    """Also if that was after the snapshot; lanes of other workspaces' sources never count."""
    replica = await global_replica(village)
    workspace = replica.workspace(WORKSPACE)
    assert replica.oldest_as_of(workspace) is None
    replica.pass_on(Beat(epoch=EPOCH, head=replica.seq, t=0, as_of={"i1p0": 7, "s1p0": 5}))
    assert replica.oldest_as_of(workspace) == 7
    replica.pass_on(Beat(epoch=EPOCH, head=replica.seq, t=0, as_of={"i1p0": 9}))
    assert replica.oldest_as_of(workspace) == 9
