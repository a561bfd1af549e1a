"""The CloudEvents 1.0 envelope, structured JSON mode, around every event (authorization.md §2)."""

from datetime import datetime
from typing import Any, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from moorage.events.fields import Instant, LongName, Text


class Origin(NamedTuple):
    """Which event it is, whose, of which type and when: what of an envelope is of interest once it has been read."""

    id: str
    source: str
    type: str
    time: datetime | None = None


class Envelope(BaseModel):
    """One event. `sequence` and `partitionkey` are the producer's; unknown extension attributes are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    specversion: Literal["1.0"] = "1.0"
    id: Text
    source: LongName
    type: Text
    subject: LongName
    time: Instant | None = None
    datacontenttype: Literal["application/json"] | None = None
    partitionkey: Text | None = None
    sequence: Text | None = None
    traceparent: Text | None = None
    critical: bool = Field(default=True, strict=True)
    data: dict[str, Any]

    @property
    def origin(self) -> Origin:
        """What is kept of it."""
        return Origin(self.id, self.source, self.type, self.time)
