"""What the resources of the management API share: whom they ask, and how they tell of a change."""

from moorage.access.consistency import ConsistencyToken
from moorage.access.wire import Changed
from moorage.distribution.content import Content
from moorage.distribution.headers import AUTHZ_TOKEN, DECISION_ID
from moorage.gateway.access import Access
from moorage.gateway.audit import Audit
from moorage.gateway.everywhere import Everywhere
from moorage.gateway.follower import Follower
from moorage.gateway.ports import Authority


class ManagementApi:
    """Everything is decided by the authority at head; gateways only have to have caught up with what it answers."""

    def __init__(
        self,
        authority: Authority,
        follower: Follower,
        access: Access,
        audit: Audit,
        content: Content,
        patience_seconds: float,
    ) -> None:
        self.authority = authority
        self.access = access
        self.audit = audit
        self.content = content
        self._follower = follower
        self._everywhere = Everywhere(authority, follower, patience_seconds)

    async def applied(self, changed: Changed, token: str | None) -> dict[str, str]:
        """The headers that tell of a change, once all gateways enforce it, or after a while (§3.6).

        Its position, and the decision that let it be made.
        """
        decision = {DECISION_ID: str(changed.decision_id)} if changed.decision_id else {}
        if token is None:
            return decision
        await self._everywhere.reached(ConsistencyToken.parse(token))
        return {AUTHZ_TOKEN: token, **decision}

    def position(self) -> str:
        """Where this gateway's replica stands."""
        replica = self._follower.replica
        return str(replica.position) if replica else "zt1.0.0"
