"""The gateway's replica, fed with snapshots up to a point of the stream and with frames after it."""

from datetime import datetime
from uuid import UUID

from access_rules.engines import Answer
from access_rules.frame_rows import RowWriter, split
from access_rules.world import Question, World
from moorage.access.frames import Delta, Snapshot
from moorage.gateway.replica.replica import Replica

FRAME_ROWS = 3


class ReplicaEngine:
    """`Replica.decide`; `snapshot_share` of the rows arrive in snapshots (0: all by frames, 1: none)."""

    def __init__(self, snapshot_share: float) -> None:
        self._share = snapshot_share
        self._world = World(())
        self._replica = Replica(1, 0)

    async def load(self, world: World) -> None:
        """Takes in a world."""
        self.load_now(world)

    async def judge(self, question: Question) -> Answer:
        """The replica's decision."""
        return self.judge_now(question)

    def load_now(self, world: World) -> None:
        """The same without a loop; the replica does no I/O."""
        writer = RowWriter.of(world)
        directory = [event["data"]["workspace"] for event in world.events if event["subject"].startswith("ws:")]
        aliases = {workspace: writer.alias("workspace", workspace) for workspace in dict.fromkeys(directory)}
        rows = writer.rows
        cut = max(len(aliases), int(len(rows) * self._share))
        self._world = world
        self._replica = Replica.load(Snapshot(epoch=1, seq=cut, rows=list(split(rows[:cut], 0))))
        for workspace, alias in aliases.items():
            self._replica.expect(UUID(workspace))
            self._replica.adopt(UUID(workspace), Snapshot(epoch=1, seq=cut, rows=list(split(rows[:cut], alias))))
        for first in range(cut, len(rows), FRAME_ROWS):
            part = rows[first : first + FRAME_ROWS]
            self._replica.apply(Delta(epoch=1, first=first, last=first + len(part), t=0, rows=part))

    def judge_now(self, question: Question) -> Answer:
        """The same without a loop."""
        return decide(self._replica, question, self._world.now)


def decide(replica: Replica, question: Question, now: datetime) -> Answer:
    """What the gateway asks of its replica, whatever the name's workspace."""
    workspace = replica.workspace(question.workspace)
    if workspace is None:
        outcome = replica.unknown(question.identity, question.action, now)
    else:
        outcome = replica.decide(question.identity, workspace, question.image, question.action, now)
    return Answer(outcome.decision.reason, outcome.decision.readable, outcome.decision.role)
