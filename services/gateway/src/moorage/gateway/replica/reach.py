"""Who reaches a repository: the entries by which a user's row has a role on it, or a standing in its workspace.

Working one out takes longer than a decision, so those that were asked for are kept, as many as memory allows. They rest
on nodes and on what groups have, never on users: whoever changes such a thing forgets the reaches that rest on it.
"""

from collections import OrderedDict
from collections.abc import Collection
from typing import Final

from moorage.access.image import NodeState
from moorage.gateway.replica.edges import Row, held
from moorage.gateway.replica.nodes import Node

STANDING: Final = 4
"""An entry tells of a role on the repository, or of STANDING and a membership: what is more comes later."""
_LOOK_UP_ABOVE: Final = 16
"""A search in a row takes as long as going through about so many of its entries (authorization.md §3.8)."""
_ENTRY_BYTES: Final = 90
"""What an entry of a reach takes, as measured."""
_EDGES_AN_ENTRY: Final = 32
"""For so many edges one entry is kept: three bytes an edge at most."""
_LEAST: Final = 1000


class Reach:
    """What each entry tells: a role that counts there, or STANDING and a membership; and the repository's state."""

    __slots__ = ("state", "told")

    def __init__(self, told: dict[int, int], state: NodeState) -> None:
        self.told = told
        self.state = state

    def met(self, row: Row) -> Collection[int]:
        """Which of the entries a row has; the shorter one is looked up in the longer one."""
        entries, low, high = row
        told = self.told
        if high - low <= _LOOK_UP_ABOVE * len(told):
            return told.keys() & entries[low:high]
        return [entry for entry in told if held(row, entry >> 2) == entry & 3]


class Reaches:
    """The reaches of one workspace that are kept; each hangs on its node."""

    def __init__(self) -> None:
        self._kept: OrderedDict[Node, Reach] = OrderedDict()
        self._entries = 0

    @property
    def size(self) -> int:
        """Bytes, roughly."""
        return _ENTRY_BYTES * self._entries

    def keep(self, node: Node, reach: Reach, edges: int) -> None:
        """Keeps it, in place of the oldest ones if memory for so many edges is full."""
        room = max(_LEAST, edges // _EDGES_AN_ENTRY) - len(reach.told)
        while self._kept and self._entries > room:
            self.forget(next(iter(self._kept)))
        node.reach = self._kept[node] = reach
        self._entries += len(reach.told)

    def forget(self, node: Node) -> None:
        """What this one rests on has changed."""
        node.reach = None
        gone = self._kept.pop(node, None)
        if gone is not None:
            self._entries -= len(gone.told)

    def forget_all(self) -> None:
        """What all may rest on has changed: a project, a group, or who owns the workspace."""
        for node in self._kept:
            node.reach = None
        self._kept.clear()
        self._entries = 0
