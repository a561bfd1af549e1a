"""Whose secret is this? The authority knows; here it is remembered for half a minute, never in the clear.

A remembered identity is asked about in the replica at every use, so a revocation counts as soon as it is known here.
"""

import hashlib
import hmac
import secrets
from typing import Final, NamedTuple

import structlog
from cachetools import TTLCache

from moorage.access import problems, wire
from moorage.access.principal import Identity
from moorage.access.problems import CredentialUnknown, Problem, ServiceUnavailable
from moorage.gateway.access import Access
from moorage.gateway.authorization_header import may_be_secret
from moorage.gateway.limits import Buckets
from moorage.gateway.ports import Authority
from moorage.oci.errors import TooManyRequests, Unavailable
from moorage.runtime.clock import Clock

REMEMBERED_SECONDS: Final = 30
FAILURES_PER_MINUTE: Final = 10
_MOST_REMEMBERED: Final = 10_000
_LONGEST_USER: Final = 255  # of what failures are counted under: names are anybody's to choose
_NEUTRAL_USERS: Final = frozenset({"", "token", "x-token-auth", "<token>"})


class Shown(NamedTuple):
    """A secret as somebody shows it: under which user name, which tells nothing, and from which address."""

    secret: str
    user: str
    address: str


class Credentials:
    """Authenticates secrets."""

    def __init__(
        self, authority: Authority, access: Access, clock: Clock, failures_per_minute: int = FAILURES_PER_MINUTE
    ) -> None:
        self._authority = authority
        self._access = access
        self._clock = clock
        self._key = secrets.token_bytes(32)
        self._known: TTLCache[bytes, Identity] = TTLCache(_MOST_REMEMBERED, REMEMBERED_SECONDS, clock.monotonic)
        self._failures = Buckets(failures_per_minute / 60, failures_per_minute)
        self._log = structlog.get_logger()

    async def identify(self, shown: Shown) -> Identity:
        """The identity behind the secret. Raises CredentialUnknown, TooManyRequests, Unavailable."""
        key = hmac.digest(self._key, shown.secret.encode(), hashlib.sha256)
        identity = self._known.get(key)
        if identity is None:
            identity = self._known[key] = await self._ask(shown)
        over = identity.expires is not None and identity.expires <= self._clock.now()
        if over or self._access.revoked(identity):
            self._known.pop(key, None)
            raise CredentialUnknown("the credential is not known")
        return identity

    async def _ask(self, shown: Shown) -> Identity:
        who = (shown.user[:_LONGEST_USER], shown.address)
        if not may_be_secret(shown.secret) and not self._failures.has(who, self._clock.monotonic()):
            raise _too_many()
        try:
            answer = await self._authenticated(shown.secret, *who)
        except problems.TooManyRequests as problem:
            raise _too_many() from problem
        except CredentialUnknown:
            if not self._failures.take(who, self._clock.monotonic()):
                raise _too_many() from None
            raise
        except Problem as problem:
            raise _unavailable(problem) from problem
        if shown.user not in _NEUTRAL_USERS and answer.account not in (None, shown.user):
            self._log.info("A token was shown under another user name.", account=answer.account, shown_as=shown.user)
        return answer.identity.value()

    async def _authenticated(self, secret: str, user: str, address: str) -> wire.AuthenticateAnswer:
        """What can be no secret is not told to anybody, but counts as a failure at all gateways."""
        told, most = secret if may_be_secret(secret) else "", int(self._failures.burst)
        login = wire.AuthenticateRequest(secret=told, user=user, address=address, most_failures=most)
        return await self._authority.authenticate(login)


def _too_many() -> TooManyRequests:
    return TooManyRequests("too many failed logins; try again in a minute", headers={"Retry-After": "60"})


def _unavailable(problem: Problem) -> Unavailable:
    seconds = 5 if isinstance(problem, ServiceUnavailable) else 30
    return Unavailable("logins can't be verified right now; try again in a few seconds", retry_after_seconds=seconds)
