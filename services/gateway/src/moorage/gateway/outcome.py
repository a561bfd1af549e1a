"""A decision together with the image it is about, whoever decided: the replica or the authority."""

from functools import partial
from typing import Final, NamedTuple

from moorage.access.audit import Mode
from moorage.access.decision import Decision
from moorage.access.image import ImageRecord
from moorage.access.wire import ImageBody


class Outcome(NamedTuple):
    """What was decided. `image` is None if no record has the name; hidden or not is the decision's to say.

    `mode` says who decided, on which ground.
    """

    decision: Decision
    image: ImageRecord | ImageBody | None = None
    mode: Mode = Mode.LOCAL

    @property
    def allowed(self) -> bool:
        """Whether the action may go on."""
        return self.decision.allowed


outcome_of: Final = partial(tuple.__new__, Outcome)
"""An outcome of a tuple of all of it, as `decision_of`."""
