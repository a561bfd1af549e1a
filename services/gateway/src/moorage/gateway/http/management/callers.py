"""Who asks the management API: one of our secrets as Basic password or as Bearer, or nobody."""

from aiohttp import web

from moorage.access.consistency import ConsistencyToken
from moorage.access.principal import NOBODY
from moorage.access.problems import CredentialUnknown, InputInvalid
from moorage.access.wire import IdentityBody
from moorage.distribution.headers import AUTHZ_MIN_TOKEN
from moorage.gateway import authorization_header as header
from moorage.gateway.credentials import Credentials, Shown
from moorage.gateway.http.address import client_of
from moorage.gateway.http.throttle import Throttle
from moorage.gateway.http.via import via


class Callers:
    """Knows callers by their secrets. Bearer tokens of the registry are refused: they are for `/v2/` (R60)."""

    def __init__(self, credentials: Credentials, throttle: Throttle) -> None:
        self._credentials = credentials
        self._throttle = throttle

    async def identify(self, request: web.Request, *, anonymous: bool) -> IdentityBody:
        """Who asks; nobody only where that is allowed. Raises CredentialUnknown, InputInvalid, oci.TooManyRequests."""
        values = request.headers.getall("Authorization", [])
        if not values and not anonymous:
            raise CredentialUnknown("log in: send a personal token as Basic password or as Bearer")
        _refuse_malformed_minimum(request)
        shown = _shown(values, client_of(request)) if values else None
        who = await self._credentials.identify(shown) if shown else NOBODY
        self._throttle.count(request, who.principal)
        return IdentityBody.of(who).model_copy(update={"via": via(request)})


def _shown(values: list[str], address: str) -> Shown:
    try:
        if len(values) > 1:
            raise header.HeaderMalformed("one credential at a time")
        match header.parse(values[0]):
            case header.Basic(user, secret):
                return Shown(secret, user, address)
            case header.Bearer(text):
                return Shown(text, "", address)
    except header.HeaderMalformed as error:
        raise CredentialUnknown(f"the Authorization header can't be read: {error}") from error


def _refuse_malformed_minimum(request: web.Request) -> None:
    """Everything is decided at head, so a position is always met; one that is none is a mistake of who asks."""
    text = request.headers.get(AUTHZ_MIN_TOKEN)
    if text is None:
        return
    try:
        ConsistencyToken.parse(text)
    except ValueError as error:
        raise InputInvalid(str(error), errors=[{"at": AUTHZ_MIN_TOKEN, "message": str(error)}]) from error
