"""A decision together with the image it is about, whoever decided: the replica or the authority."""

from dataclasses import dataclass

from moorage.access.decision import Decision
from moorage.access.image import ImageRecord
from moorage.access.wire import ImageBody


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was decided. `image` is None if no record has the name; hidden or not is the decision's to say."""

    decision: Decision
    image: ImageRecord | ImageBody | None = None

    @property
    def allowed(self) -> bool:
        """Whether the action may go on."""
        return self.decision.allowed
