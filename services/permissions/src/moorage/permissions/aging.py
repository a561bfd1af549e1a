"""The authority judges its own age: past the bound of what is asked there is no answer (authorization.md §3.3)."""

from datetime import datetime

from moorage.access.action import Action
from moorage.access.image import Visibility
from moorage.access.problems import ServiceUnavailable
from moorage.access.reason import Reason
from moorage.access.staleness import Bounds, answers
from moorage.permissions.freshness import Freshness
from moorage.permissions.ports import Deciding
from moorage.permissions.records import Workspace


class AuthorityStale(ServiceUnavailable):
    """What is known at head is too old for this: its sources have been silent, or a record could not be applied."""

    def __init__(self, freshness: Freshness) -> None:
        as_of = freshness.as_of.isoformat() if freshness.as_of else None
        super().__init__(
            "what the sources of this workspace have told is too old to decide this; try again in 5 seconds",
            reason=Reason.AUTHORITY_STALE.value,
            as_of=as_of,
        )


class Aging:
    """Judges by the site's bounds, and by those that sources have for their own lanes."""

    def __init__(self, bounds: Bounds | None = None) -> None:
        self.bounds = bounds or Bounds()

    async def require(
        self,
        view: Deciding,
        workspace: Workspace | None,
        action: Action,
        now: datetime,
        visibility: Visibility = Visibility.INHERIT,
    ) -> Freshness:
        """How fresh the facts are that `action` on an image of `visibility` is decided by. Raises AuthorityStale."""
        return self.judge(await view.freshness.of(workspace), action, now, visibility)

    def judge(
        self, freshness: Freshness, action: Action, now: datetime, visibility: Visibility = Visibility.INHERIT
    ) -> Freshness:
        """The freshness itself if it is enough. Raises AuthorityStale."""
        if not answers(action, visibility, freshness.tier(self.bounds, now)):
            raise AuthorityStale(freshness)
        return freshness
