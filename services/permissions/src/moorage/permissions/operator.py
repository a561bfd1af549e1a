"""The operator: the one credential that declares sources, writes facts by hand and mints first tokens."""

from typing import Final

import structlog

from moorage.access.secrets import secret_kind
from moorage.permissions import rows
from moorage.permissions.credentials import OPERATOR, mint_service
from moorage.permissions.ports import Change, Ledger, OperatorPlace, Pepper
from moorage.permissions.sources import LOCAL
from moorage.runtime.clock import Clock

_log: Final = structlog.stdlib.get_logger(__name__)


class Operator:
    """Whoever owns the place where the secret is kept is the operator."""

    def __init__(self, ledger: Ledger, pepper: Pepper, clock: Clock) -> None:
        self._ledger = ledger
        self._pepper = pepper
        self._clock = clock

    async def ensure(self, place: OperatorPlace) -> str:
        """The secret in `place`; if none there opens anything, a new one, and the credential of the old one ends.

        The new one is in its place before the change counts: a start that dies in between is made good by the next one,
        and of several at once all but the first find what that one has kept.
        """
        async with self._ledger.changing() as change:
            kept = place.kept()
            if kept is not None and await self._opens(change, kept):
                return kept
            lost = await _end(change)
            secret = await self._begin(change)
            place.keep(secret)
        if lost:
            _log.warning("The operator's secret was lost; it is revoked, and a new one was made", place=str(place))
        else:
            _log.info("The operator's secret was made", place=str(place))
        return secret

    async def _opens(self, change: Change, secret: str) -> bool:
        if secret_kind(secret) is None:
            return False
        credential = await change.credentials.by_digest(self._pepper.digest(secret))
        return credential is not None and credential.operator and credential.usable(self._clock.now())

    async def _begin(self, change: Change) -> str:
        """A credential that sends what the source for facts written by hand tells."""
        credential, secret = await mint_service(change, self._pepper, OPERATOR, self._clock.now())
        local = await change.sources.named(LOCAL.name)
        await change.sources.declare(local.spec if local else LOCAL, credential.id)
        return secret


async def _end(change: Change) -> bool:
    """Whether there was an operator whose credential had to end."""
    ended = False
    while (old := await change.credentials.operator()) is not None:
        await change.credentials.revoke(old.id)
        change.log.append(rows.credential_row(old.alias, 0, False, old.expires))
        ended = True
    return ended
