"""Which pipelines may publish an image, and what decides it: environment and branch (authorization.md §1.8)."""

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Final
from uuid import UUID

MOST_PUBLISHERS: Final = 100
MOST_BRANCHES: Final = 20
LONGEST_GLOB: Final = 255
_TOKEN: Final = re.compile(r"\*\*|.", re.DOTALL)
_NO_GLOB: Final = re.compile(r"[\x00-\x20\x7f?\[\\{]|\*\*\*")


@dataclass(frozen=True, slots=True)
class PipelineRun:
    """What a pipeline's claims say of its run. The repository is the principal's id, so the two can't contradict.

    `environment` is the UUID of the environment that it deploys to, `branch` the branch that it runs for, if any. A
    pull-request pipeline builds what somebody proposes, wherever that comes from.
    """

    environment: UUID | None = None
    branch: str | None = None
    pull_request: bool = False


@dataclass(frozen=True, slots=True)
class Publisher:
    """Pipelines that deploy to `environment`; without one, those that deploy to none ("any_pipeline").

    `branches` are globs, one of which must match the run's branch; without globs the branch does not matter.
    """

    environment: UUID | None = None
    branches: tuple[str, ...] = ()

    def takes(self, branch: str | None) -> bool:
        """Whether the branch is one of those listed; no branch is none of them."""
        return not self.branches or (branch is not None and any(branch_matches(g, branch) for g in self.branches))


def listed(publishers: Iterable[Publisher], environment: UUID | None) -> list[Publisher]:
    """The entries that speak of this environment, or of pipelines that deploy to none."""
    return [each for each in publishers if each.environment == environment]


def environments(publishers: Collection[Publisher]) -> frozenset[UUID]:
    """Every environment that is listed."""
    return frozenset(each.environment for each in publishers if each.environment)


def check_glob(glob: str) -> str:
    """The glob. Raises ValueError for one that is no glob, or that no branch could ever match."""
    if not 0 < len(glob) <= LONGEST_GLOB:
        raise ValueError(f"a branch glob has 1 to {LONGEST_GLOB} characters")
    if _NO_GLOB.search(glob):
        raise ValueError("a branch glob knows * and ** only, and no blanks; list alternatives one by one")
    return glob


def branch_matches(glob: str, branch: str) -> bool:
    """Whether the whole branch name matches, case-sensitive, in time linear in both.

    `*` stands for any run of characters within one segment (no `/`), `**` for any run at all, also for none; every
    other character for itself. So `release/*` matches `release/1.2` and not `release/1.2/fix`; `release/**` both.
    """
    tokens = _TOKEN.findall(glob)
    letters: dict[str, int] = {}
    for place, token in enumerate(tokens):
        letters[token] = letters.get(token, 0) | 1 << place
    deep = letters.pop("**", 0)
    stars = letters.pop("*", 0) | deep
    # Bit n of `reached`: the first n tokens match what was read so far. A star may stay where it is.
    reached = _past_stars(1, stars)
    for character in branch:
        stays = reached & (deep if character == "/" else stars)
        reached = _past_stars((reached & letters.get(character, 0)) << 1 | stays, stars)
    return bool(reached >> len(tokens) & 1)


def _past_stars(reached: int, stars: int) -> int:
    """A star may stand for nothing; a glob has no three in a row, so this ends soon."""
    while more := (reached & stars) << 1 & ~reached:
        reached |= more
    return reached
