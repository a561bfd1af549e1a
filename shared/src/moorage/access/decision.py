"""The outcome of a check: allowed or denied for a reason, at a consistency token."""

from functools import partial
from typing import Final, NamedTuple

from moorage.access.consistency import ConsistencyToken
from moorage.access.reason import Reason
from moorage.access.role import Role


class Decision(NamedTuple):
    """What was decided, why, and as of which position. `readable` says whether the principal may know of the image."""

    reason: Reason
    role: Role
    readable: bool
    token: ConsistencyToken

    @property
    def allowed(self) -> bool:
        """Whether the action may go on."""
        return self.reason is Reason.OK


decision_of: Final = partial(tuple.__new__, Decision)
"""A decision of a tuple of all of it, for who makes many: without the function that would first make the tuple."""
