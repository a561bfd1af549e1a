"""The workspaces that are here, and those among them that may be decided from now."""

from typing import Final
from uuid import UUID

from moorage.gateway.replica.part import Part
from moorage.gateway.replica.workspace_facts import WorkspaceFacts


class Parts:
    """By alias. A part is withheld until its replica is at its position, and while a frame about it is half applied."""

    def __init__(self) -> None:
        self.all: Final[dict[int, Part]] = {}
        self.served: Final[dict[int, WorkspaceFacts]] = {}
        """What may be decided from; every decision looks here, and nowhere else."""
        self._withheld: set[int] = set()

    @property
    def withheld(self) -> bool:
        """Whether any part is."""
        return bool(self._withheld)

    @property
    def ids(self) -> frozenset[UUID]:
        """Of all workspaces, served or not."""
        return frozenset(part.facts.id for part in self.all.values())

    def put(self, alias: int, part: Part) -> None:
        """The part is here from now on, in place of another one; withheld until `serve`."""
        self.all[alias] = part
        self.withhold(alias)

    def drop(self, alias: int) -> None:
        """The part is here no more."""
        self.all.pop(alias, None)
        self.served.pop(alias, None)
        self._withheld.discard(alias)

    def withhold(self, alias: int) -> None:
        """Nothing is decided from the part until `serve`."""
        self.served.pop(alias, None)
        self._withheld.add(alias)

    def withhold_all(self) -> None:
        """Nothing is decided from any part until `serve`."""
        self._withheld.update(self.all)
        self.served.clear()

    def serve(self, seq: int) -> None:
        """What was withheld may be decided from, as far as the replica's position has reached its own."""
        for alias in [each for each in self._withheld if self.all[each].seq <= seq]:
            self._withheld.discard(alias)
            self.served[alias] = self.all[alias].facts
