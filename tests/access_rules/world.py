"""A small world as the decision tables see it: facts as CloudEvents, image records, settings, and what time it is."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import NAMESPACE_DNS, UUID, uuid5

from moorage.access.action import Action
from moorage.access.image import ImageRecord, PublishingDefaults
from moorage.access.principal import Identity

Event = Mapping[str, Any]
"""One CloudEvent of authorization.md §2.2, structured JSON."""

BEGINNING = datetime(2026, 11, 23, 10, tzinfo=UTC)


def identifier(kind: str, name: str) -> UUID:
    """The UUID that stands for a named thing in every world."""
    return uuid5(NAMESPACE_DNS, f"{kind}.{name}.moorage.test")


def event(suffix: str, subject: str, version: int, data: Mapping[str, Any]) -> Event:
    """A fact as a source sends it; `suffix` is e.g. `scm.grant.set`, `version` the source's counter."""
    return {
        "specversion": "1.0",
        "id": str(identifier("event", str(version))),
        "source": "/tests/access_rules",
        "time": BEGINNING.isoformat().replace("+00:00", "Z"),
        "type": f"dev.moorage.{suffix}.v1",
        "subject": subject,
        "partitionkey": f"ws:{data.get('workspace', '')}",
        "sequence": str(version),
        "data": {**data, "version": version},
    }


@dataclass(frozen=True, slots=True)
class World:
    """Everything a decision may depend on. Of several events with one subject the highest version counts."""

    events: tuple[Event, ...]
    images: tuple[ImageRecord, ...] = ()
    allow_public: frozenset[UUID] = frozenset()
    now: datetime = BEGINNING
    publishing: Mapping[UUID, PublishingDefaults] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Question:
    """May `identity` do `action` with the image called `image` in `workspace` (a slug)?"""

    identity: Identity
    action: Action
    workspace: str
    image: str
