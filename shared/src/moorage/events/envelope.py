"""The CloudEvents 1.0 envelope, structured JSON mode, around every event (authorization.md §2)."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from moorage.events.fields import Instant, LongName, Text


class Attributes(BaseModel):
    """What an event says of itself, beside its data."""

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


class Envelope(Attributes):
    """One event. `sequence` and `partitionkey` are the producer's; unknown extension attributes are ignored."""

    data: dict[str, Any]
