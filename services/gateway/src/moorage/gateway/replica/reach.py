"""Who reaches a repository: the entries by which a user's row has a role on it, or a standing in its workspace.

Those that were asked for are kept, as many as memory allows. They rest on nodes and on what groups have, never on
users: whoever changes such a thing forgets the reaches that rest on it.

What entries tell is added up bit by bit: the n lowest bits for the n-th role, and above them as many for a membership.
So the most of several paths is what any of them has, and MEANING says what a sum means.
"""

from collections import OrderedDict
from typing import Final

from moorage.access.image import NodeState
from moorage.access.role import Membership, Role
from moorage.gateway.replica.edges import Row, held
from moorage.gateway.replica.nodes import Node

ROLE: Final = tuple((1 << role) - 1 for role in Role)
"""What an entry tells of a role."""
STANDING: Final = tuple(((1 << member) - 1) << 3 for member in Membership)
"""What an entry tells of a membership."""
MEANING: Final = tuple(
    (Role.ADMIN if member == Membership.OWNER else Role(role), Membership(member))
    for told in range(64)
    for role, member in [((told & 7).bit_length(), (told >> 3).bit_length())]
)
"""The role and the membership that everything told together gives; owners are admins everywhere (§1.3)."""
_STATES: Final = tuple(NodeState)
_LOOK_UP_ABOVE: Final = 16
"""A search in a row takes as long as going through about so many of its entries (authorization.md §3.8)."""
_ENTRY_BYTES: Final = 90
"""What an entry of a reach takes, as measured."""
_EDGES_AN_ENTRY: Final = 32
"""For so many edges one entry is kept: three bytes an edge at most."""
_LEAST: Final = 1000
_FREED_AT_ONCE: Final = 2


class Reach:
    """What each entry tells (ROLE, STANDING), and the repository's state; `place` is the state's among all."""

    __slots__ = ("place", "state", "told")

    def __init__(self, told: dict[int, int], state: NodeState) -> None:
        self.told = told
        self.state = state
        self.place = _STATES.index(state)

    def gives(self, row: Row) -> int:
        """What all entries that a row has tell together; the shorter one is looked up in the longer one."""
        entries, low, high = row
        told, together = self.told, 0
        if high - low <= _LOOK_UP_ABOVE * len(told):
            for entry in told.keys() & entries[low:high]:
                together |= told[entry]
        else:
            for entry, tells in told.items():
                if held(row, entry >> 2) == entry & 3:
                    together |= tells
        return together


class Reaches:
    """The reaches of one workspace that are kept; each hangs on its node.

    To free thousands of them takes longer than anybody should wait, so those that are forgotten together go a few at a
    time, in place of the next ones that are kept.
    """

    def __init__(self) -> None:
        self._kept: OrderedDict[Node, Reach] = OrderedDict()
        self._forgotten: list[Reach] = []
        self._entries = 0

    @property
    def size(self) -> int:
        """Bytes, roughly."""
        return _ENTRY_BYTES * self._entries

    def keep(self, node: Node, reach: Reach, edges: int) -> None:
        """Keeps it, in place of the oldest ones if memory for so many edges is full."""
        room = max(_LEAST, edges // _EDGES_AN_ENTRY) - len(reach.told)
        for _ in self._forgotten[:_FREED_AT_ONCE]:
            self._entries -= len(self._forgotten.pop().told)
        while self._entries > room and self._forgotten:
            self._entries -= len(self._forgotten.pop().told)
        while self._entries > room and self._kept:
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
        self._forgotten += self._kept.values()
        self._kept.clear()
