"""What is measured: names, goals, and the line that is printed for each."""

import json
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Goal:
    """A figure to reach: at most `limit` of `unit`, or at least."""

    name: str
    unit: str
    limit: float
    at_most: bool = True

    def met_by(self, value: float) -> bool:
        """Whether a value reaches it."""
        return value <= self.limit if self.at_most else value >= self.limit

    def line(self, value: float) -> str:
        """The figure as one line of JSON."""
        return _line(self, round(value, 4), self.met_by(value), {})

    def failure(self, error: BaseException) -> str:
        """The same where nothing could be measured."""
        return _line(self, None, False, {"error": f"{type(error).__name__}: {error}"[:500]})


def _line(goal: Goal, value: float | None, met: bool, more: dict[str, str]) -> str:
    sign = "<=" if goal.at_most else ">="
    document = {"name": goal.name, "value": value, "unit": goal.unit, "goal": f"{sign} {goal.limit:g}", "met": met}
    return json.dumps(document | more)


def at_least(name: str, unit: str, limit: float) -> Goal:
    """A goal that more is better for."""
    return Goal(name, unit, limit, at_most=False)


def quantile(values: Sequence[float], share: float) -> float:
    """The value that `share` of all are not above. Raises ValueError for none."""
    if not values:
        raise ValueError("nothing was measured")
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
