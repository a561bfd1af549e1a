"""What the tables and the differential test ask: everything that claims to decide like the design."""

from dataclasses import dataclass
from typing import Protocol

from access_rules.oracle import NOT_LET_IN, Finding
from access_rules.world import Question, World
from moorage.access.role import Role


@dataclass(frozen=True, slots=True)
class Answer:
    """A reason of §4, whether who asks may know of the image, and the role; None is not said."""

    reason: str
    readable: bool | None = None
    role: Role | None = None


class Engine(Protocol):
    """Decides questions about one world at a time."""

    async def load(self, world: World) -> None:
        """Forgets everything and takes in this world."""
        ...

    async def judge(self, question: Question) -> Answer:
        """The decision, as of the loaded world."""
        ...


def disagreement(answer: Answer, finding: Finding) -> str | None:
    """Why an answer can't be right, or None: the one comparison that every engine is held to."""
    if (answer.reason == "ok") != finding.allowed:
        return f"says {answer.reason}, but the obstacles are {sorted(finding.obstacles)}"
    if answer.reason != "ok" and answer.reason not in finding.obstacles | finding.masks:
        return f"names {answer.reason}, which is not among the obstacles {sorted(finding.obstacles)}"
    if finding.obstacles & NOT_LET_IN and answer.reason not in NOT_LET_IN:
        return f"names {answer.reason} to somebody who is not let in: {sorted(finding.obstacles)}"
    if answer.readable is not None and answer.readable != finding.readable:
        return f"says readable={answer.readable}"
    if answer.role is not None and finding.readable and answer.role.word != finding.role:
        return f"says role={answer.role.word} instead of {finding.role}"
    return None
