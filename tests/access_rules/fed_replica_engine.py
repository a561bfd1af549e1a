"""The gateway's replica, fed by the permissions service itself: a snapshot in the middle, and frames after it."""

from uuid import UUID

from access_rules.engines import Answer
from access_rules.permissions_engine import PermissionsEngine, WorldClock, halves
from access_rules.replica_engine import decide
from access_rules.world import Question, World
from moorage.gateway.replica.replica import Replica
from moorage.permissions.feed import Feed
from moorage.permissions.ports import Ledger
from moorage.permissions.tail import FRAME_ROWS


class FedReplicaEngine:
    """Both sides of the change stream, joined without a network."""

    def __init__(self, ledger: Ledger, clock: WorldClock, permissions: PermissionsEngine) -> None:
        self._ledger = ledger
        self._feed = Feed(ledger, clock)
        self._permissions = permissions
        self._replica = Replica(1, 0)
        self._world = World(())

    async def load(self, world: World) -> None:
        """Takes in a world: half of its facts by snapshot, the other half and the images as frames."""
        self._world = world
        first, second = halves(world)
        await self._permissions.begin()
        await self._permissions.learn(first)
        self._replica = await replica_of(self._feed, world)
        await self._permissions.learn(second)
        await self._permissions.settle(world)
        async with self._ledger.viewing() as view:
            for delta in await view.log.deltas(self._replica.position, FRAME_ROWS):
                self._replica.apply(delta)

    async def judge(self, question: Question) -> Answer:
        """The replica's decision."""
        return decide(self._replica, question, self._world.now)


async def replica_of(feed: Feed, world: World) -> Replica:
    """What a gateway loads now: the global part, and each of the world's workspaces."""
    replica = Replica.load(await feed.snapshot(None))
    told = {event["data"]["workspace"] for event in world.events if event["subject"].startswith("ws:")}
    for workspace in map(UUID, told):
        replica.expect(workspace)
        replica.adopt(workspace, await feed.snapshot(workspace))
    return replica
