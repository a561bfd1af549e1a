"""A frame on its way into a replica: in slices, and whole for whoever decides (authorization.md §3.8).

Rows of workspaces change nothing but their own workspace, which is withheld from its first row to the end of the frame.
What is said of everybody (who is active, which credentials are revoked, the directory) comes last: in one slice with
the end of the frame, or, if that is too much for one, while every workspace is withheld. Names of what nobody has told
of yet come when they come: an alias says nothing.
"""

from collections.abc import Callable, Iterator, Sequence

from moorage.access.frames import Delta, Row, RowKind
from moorage.gateway.replica.parts import Parts
from moorage.gateway.replica.slices import Pauses, alike, cost_of

_INTERN = int(RowKind.INTERN)
Take = Callable[[int, Sequence[Row]], None]


class HalfFrame:
    """A frame of which something may have been applied and something not. `last` is where it ends."""

    def __init__(self, delta: Delta, parts: Parts, slice_cost: int) -> None:
        self.last = delta.last
        self.withholds_all = False
        self._delta = delta
        self._parts = parts
        self._pauses = Pauses(slice_cost)

    def apply(self, take: Take, take_site: Take) -> Iterator[None]:
        """Takes rows, and yields where others should have their turn; at the end everything is applied.

        `take` is for rows of one workspace, `take_site` for global ones, all of one kind; first comes the seq before
        them. Raises what they raise.
        """
        said: list[tuple[int, Sequence[Row]]] = []
        seq = self._delta.first
        for rows in alike(self._delta.rows):
            kind, workspace = rows[0][:2]
            if workspace == 0 and kind != _INTERN:
                said.append((seq, rows))
                seq += len(rows)
                continue
            for piece in self._pauses.pieces(rows):
                (take if workspace else take_site)(seq, piece)
                seq += len(piece)
                if self._pauses.ended():
                    yield
        yield from self._say(said, take_site)

    def _say(self, said: list[tuple[int, Sequence[Row]]], take_site: Take) -> Iterator[None]:
        """What is said of everybody, which nobody may see a half of."""
        much = sum(cost_of(row) for _, rows in said for row in rows)
        if self._pauses.before(min(much, self._pauses.slice_cost)):
            yield
        if much > self._pauses.slice_cost:
            self.withholds_all = True
            self._parts.withhold_all()
        for first, rows in said:
            seq = first
            for piece in self._pauses.pieces(rows):
                take_site(seq, piece)
                seq += len(piece)
                if self.withholds_all and self._pauses.ended():
                    yield
