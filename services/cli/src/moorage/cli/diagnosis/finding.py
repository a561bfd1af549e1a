"""One thing that was looked at, and how it stands."""

from dataclasses import dataclass
from enum import StrEnum


class Health(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Finding:
    """What was looked at, what was seen, and what to do about it (empty if there is nothing to do)."""

    title: str
    health: Health
    seen: str
    remedy: str = ""


def ok(title: str, seen: str) -> Finding:
    """All is well."""
    return Finding(title, Health.OK, seen)


def warning(title: str, seen: str, remedy: str) -> Finding:
    """It works, but may hurt."""
    return Finding(title, Health.WARNING, seen, remedy)


def failed(title: str, seen: str, remedy: str) -> Finding:
    """It does not work."""
    return Finding(title, Health.FAILED, seen, remedy)


def skipped(title: str, seen: str, remedy: str = "") -> Finding:
    """It was not looked at."""
    return Finding(title, Health.SKIPPED, seen, remedy)
