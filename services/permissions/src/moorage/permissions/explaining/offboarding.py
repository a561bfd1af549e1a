"""Since when every gateway refuses a user (authorization.md §4)."""

from collections.abc import Sequence
from typing import Final

from moorage.access import explain_wire as wire
from moorage.access.consistency import ConsistencyToken
from moorage.access.principal import Identity
from moorage.access.problems import Forbidden, NotFound
from moorage.access.reason import Reason
from moorage.permissions.credentials import find_user, is_operator
from moorage.permissions.explaining.asking import NOTHING, owns, position
from moorage.permissions.explaining.words import change_body, differs
from moorage.permissions.fleet_members import Fleet
from moorage.permissions.history import About, Changed, Looking
from moorage.permissions.images import workspace_named
from moorage.permissions.ports import Ledger
from moorage.runtime.clock import Clock

_REMEMBERED: Final = 200


class Offboarding:
    """Reports."""

    def __init__(self, ledger: Ledger, clock: Clock) -> None:
        self._ledger = ledger
        self._clock = clock

    async def report(self, request: wire.OffboardingRequest) -> wire.OffboardingAnswer:
        """Where the user's deactivation has arrived. Raises Forbidden, NotFound."""
        async with self._ledger.looking(position(None)) as view:
            await self._permit(view, request.identity.value(), request.workspace)
            user = await find_user(view, request.user)
            changes = await view.history.changes(About(0, user=user.alias), 0, _REMEMBERED)
            token = view.token
        ended = None if user.active else _ended(changes)
        async with self._ledger.fleet() as book:
            fleet = Fleet.of(await book.members(), self._clock.now())
        since = ConsistencyToken(token.epoch, ended.seq) if ended else token
        gateways = (
            []
            if user.active
            else [
                wire.GatewayStanding(
                    gateway=each.id, applied=str(each.applied), seen_at=each.seen_at, refuses=each.applied >= since
                )
                for each in fleet.members
            ]
        )
        return wire.OffboardingAnswer(
            user=user.id,
            account=user.account,
            active=user.active,
            deactivated=change_body(ended) if ended else None,
            token=str(token),
            gateways=gateways,
            everywhere=not user.active and all(each.refuses for each in gateways),
        )

    async def _permit(self, view: Looking, identity: Identity, slug: str | None) -> None:
        if await is_operator(view, identity, self._clock.now()):
            return
        if slug is None:
            message = "name a workspace that you own, or ask as the operator"
            raise Forbidden(message, reason=Reason.NOT_ADMIN.value)
        if not await owns(view, identity, await workspace_named(view, slug)):
            raise NotFound(NOTHING)


def _ended(changes: Sequence[Changed]) -> Changed | None:
    """The newest change that ended the user's activity."""
    return next((each for each in changes if each.kind == "user" and differs(each, "active")), None)
