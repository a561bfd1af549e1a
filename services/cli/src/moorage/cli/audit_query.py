"""What the audit trail is asked for, as the management API's query says it."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class AuditQuery:
    """Which records; None matches all."""

    workspace: str | None = None
    image: str | None = None
    principal: str | None = None
    allow: bool | None = None
    since: datetime | None = None

    def parameters(self) -> dict[str, str]:
        """What is given, as text."""
        given = {
            "workspace": self.workspace,
            "image": self.image,
            "principal": self.principal,
            "allow": None if self.allow is None else str(self.allow).lower(),
            "since": self.since.isoformat() if self.since else None,
        }
        return {name: text for name, text in given.items() if text is not None}
