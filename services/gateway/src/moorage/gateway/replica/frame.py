"""A frame on its way into a replica: in slices, and whole for whoever decides (authorization.md §3.8).

Rows of workspaces change nothing but their own workspace, which is withheld from its first row to the end of the frame.
What is said of everybody (who is active, which credentials are revoked, the directory) comes last: in one slice with
the end of the frame, or, if that is too much for one, while every workspace is withheld. Names of what nobody has told
of yet come when they come: an alias says nothing.
"""

from collections.abc import Callable, Iterator

from moorage.access.frames import Delta, Row, RowKind
from moorage.gateway.replica.parts import Parts
from moorage.gateway.replica.slices import Pauses, cost_of

_INTERN = int(RowKind.INTERN)
Take = Callable[[int, Row], None]


class HalfFrame:
    """A frame of which something may have been applied and something not. `last` is where it ends."""

    def __init__(self, delta: Delta, parts: Parts, slice_cost: int) -> None:
        self.last = delta.last
        self.withholds_all = False
        self._delta = delta
        self._parts = parts
        self._pauses = Pauses(slice_cost)

    def apply(self, take: Take, take_site: Take) -> Iterator[None]:
        """Takes row after row, and yields where others should have their turn; at the end everything is applied.

        `take` is for rows of workspaces, `take_site` for global ones. Raises what they raise.
        """
        said: list[tuple[int, Row]] = []
        for seq, row in enumerate(self._delta.rows, self._delta.first + 1):
            if row[1] != 0:
                take(seq, row)
            elif row[0] == _INTERN:
                take_site(seq, row)
            else:
                said.append((seq, row))
                continue
            if self._pauses.after(row):
                yield
        yield from self._say(said, take_site)

    def _say(self, said: list[tuple[int, Row]], take_site: Take) -> Iterator[None]:
        """What is said of everybody, which nobody may see a half of."""
        much = sum(cost_of(row) for _, row in said)
        if self._pauses.before(min(much, self._pauses.slice_cost)):
            yield
        if much > self._pauses.slice_cost:
            self.withholds_all = True
            self._parts.withhold_all()
        for seq, row in said:
            take_site(seq, row)
            if self.withholds_all and self._pauses.after(row):
                yield
