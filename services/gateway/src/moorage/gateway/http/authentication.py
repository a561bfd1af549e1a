"""Who sends a request: the one place where credentials of the public side are read (R60)."""

from collections.abc import Iterable

from aiohttp import web

from moorage.access.problems import CredentialUnknown
from moorage.access.reason import Reason
from moorage.gateway import authorization_header as header
from moorage.gateway.access import Access
from moorage.gateway.caller import STRANGER, Caller
from moorage.gateway.challenge import Challenge, Fault
from moorage.gateway.credentials import Credentials, Shown
from moorage.gateway.http.address import client_of
from moorage.gateway.http.throttle import Throttle
from moorage.gateway.tokens import Bearer, BearerTokens, TokenInvalid
from moorage.oci.errors import Unauthenticated
from moorage.runtime.clock import Clock


class LoginEnded(Unauthenticated):
    """A bearer token of somebody we know, whose login counts no more; `reason` says why."""

    def __init__(self, told: Unauthenticated, bearer: Bearer, reason: Reason) -> None:
        super().__init__(told.message, detail={"reason": reason.value}, headers=told.headers)
        self.caller = Caller(bearer.identity, bearer.grants)
        self.reason = reason


class Authentication:
    """Our own bearer tokens, secrets as Basic passwords, or nobody. Anything else is refused, never ignored (R51)."""

    def __init__(
        self,
        tokens: BearerTokens,
        credentials: Credentials,
        access: Access,
        challenge: Challenge,
        clock: Clock,
        throttle: Throttle,
    ) -> None:
        self._tokens = tokens
        self._credentials = credentials
        self._access = access
        self._challenge = challenge
        self._clock = clock
        self._throttle = throttle

    async def caller(self, request: web.Request, scopes: Iterable[str] = ()) -> Caller:
        """Who asks; `scopes` go into the challenge. Raises Unauthenticated, TooManyRequests, Unavailable."""
        caller = await self._caller(request, scopes)
        self._throttle.count(request, caller.identity.principal)
        return caller

    async def _caller(self, request: web.Request, scopes: Iterable[str]) -> Caller:
        shown = self._shown(request, scopes)
        match shown:
            case None:
                return STRANGER
            case header.Bearer(text):
                return self._by_token(text, scopes)
            case header.Basic(user, secret):
                return await self._by_secret(Shown(secret, user, client_of(request)), scopes)

    def _shown(self, request: web.Request, scopes: Iterable[str]) -> header.Basic | header.Bearer | None:
        if "Authorization" not in request.headers:
            return None
        values = request.headers.getall("Authorization")
        try:
            if len(values) > 1:
                raise header.HeaderMalformed("one credential at a time")
            return header.parse(values[0])
        except header.HeaderMalformed as error:
            raise self._challenge.bearer(f"the Authorization header can't be read: {error}", scopes) from error

    def _by_token(self, text: str, scopes: Iterable[str]) -> Caller:
        now = self._clock.now()
        try:
            bearer = self._tokens.verify(text, now)
        except TokenInvalid as error:
            raise self._challenge.bearer(f"the token is not valid: {error}", scopes, Fault.INVALID_TOKEN) from error
        expires = bearer.identity.expires
        ended = self._access.revoked(bearer.identity)
        if expires and expires <= now:
            ended = ended or Reason.CREDENTIAL_EXPIRED
        if ended:
            told = self._challenge.bearer("this login is no longer valid; log in again", scopes, Fault.INVALID_TOKEN)
            raise LoginEnded(told, bearer, ended)
        return Caller(bearer.identity, bearer.grants)

    async def _by_secret(self, shown: Shown, scopes: Iterable[str]) -> Caller:
        try:
            return Caller(await self._credentials.identify(shown))
        except CredentialUnknown as error:
            message = "the credential is not known; create a token and use it as the password"
            raise self._challenge.bearer(message, scopes) from error
