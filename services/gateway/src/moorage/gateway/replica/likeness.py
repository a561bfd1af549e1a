"""What the rules see of a user's question, and their verdicts on what looks the same to them.

The rules judge a person, active and with a credential that counts everywhere, by the scopes, by what the facts give
there, and by a few settings of the image and its workspace: there are few such cases, and the rule is asked once about
each. No fact is kept here, only what the rule says of facts.
"""

from enum import StrEnum
from typing import Final, NamedTuple

from moorage.access.image import ImageRecord, ImageState, NodeState, PublishingDefaults
from moorage.access.principal import Scope
from moorage.access.reason import Reason
from moorage.access.role import Role
from moorage.access.rules import Verdict

TIMED: Final = 0
"""The likeness of what is judged by the time as well, and so never like anything."""
_MOST: Final = 10_000

Case = tuple[frozenset[Scope], int, int, int, int, int]
"""Scopes; the places of the action and of the repository's state; likeness of image and workspace; and what was told.

Numbers for what is an enumeration elsewhere: those are hashed slowly.
"""


class Judged(NamedTuple):
    """A verdict, as the first parts of a decision."""

    reason: Reason
    role: Role
    readable: bool


class Verdicts:
    """The rule's verdicts by case; all of them are forgotten before they are too many."""

    def __init__(self) -> None:
        self._known: dict[Case, Judged] = {}
        self.get: Final = self._known.get
        """What is known of a case; the dictionary's own, for every decision asks."""

    def keep(self, case: Case, verdict: Verdict) -> Judged:
        """From now on this is known."""
        if len(self._known) >= _MOST:
            self._known.clear()
        judged = self._known[case] = judged_of(verdict)
        return judged


def judged_of(verdict: Verdict) -> Judged:
    """The verdict as a tuple."""
    return Judged(verdict.reason, verdict.role, verdict.readable)


def of_image(record: ImageRecord) -> int:
    """The number of everything by which the rules judge a person's question about the image; TIMED if time counts."""
    if record.state is ImageState.DETACHED:
        return TIMED
    return _number(record.admin_override, record.state, record.visibility, record.push_policy)


def of_workspace(state: NodeState, allow_public: bool, publishing: PublishingDefaults) -> int:
    """The same of a workspace: publishers are for pipelines."""
    return _number(allow_public, state, publishing.policy)


def _number(flag: bool, *members: StrEnum) -> int:
    """Another one for each combination, and never TIMED: a digit for each, behind a one."""
    number = 2 + flag
    for member in members:
        number = number << 8 | tuple(type(member)).index(member)
    return number
