"""By which lanes the facts of a loaded workspace arrive may change: the stream says so (authorization.md §3.1)."""

from gateway.village_order import EPOCH, WORKSPACE, Order
from moorage.access.frames import Beat, Delta, RowKind, Snapshot
from moorage.gateway.replica.replica import Replica
from moorage.runtime.clock import FixedClock


async def test_a_lane_that_joins_counts_from_then_on() -> None:
    """As never heard until it is; what a beat says of lanes that feed others counts for nothing."""
    order = Order(FixedClock())
    replica = Replica.load(await order.snapshot(None))
    workspace = replica.workspace(WORKSPACE)
    assert workspace
    replica.expect(workspace.id)
    own = [row for row in order.rows if row[1] == workspace.alias]
    replica.adopt(workspace.id, Snapshot(epoch=EPOCH, seq=replica.seq, rows=own, as_of={"s1": 100}))
    assert replica.oldest_as_of(workspace) == 100
    told = next(row for row in order.rows if row[0] == RowKind.WORKSPACE)
    assert len(told) == 7
    row = (*told[:6], {**told[6], "lanes": ["s1", "s2"]})
    replica.apply(Delta(epoch=EPOCH, first=replica.seq, last=replica.seq + 1, t=0, rows=[row]))
    assert replica.oldest_as_of(workspace) == 0
    replica.pass_on(Beat(epoch=EPOCH, head=replica.seq, t=0, as_of={"s1": 300, "s2": 200, "s3": 50}))
    assert replica.oldest_as_of(workspace) == 200
