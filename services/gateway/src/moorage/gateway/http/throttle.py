"""How much one principal and one address may ask, and when the gateway as a whole takes no more (R141, R144).

What is too much is refused before anything else is done for it: that has to cost next to nothing.
"""

from typing import Final

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from moorage.access.principal import Principal, PrincipalKind
from moorage.distribution.errors import render
from moorage.gateway.http.address import client_of
from moorage.gateway.http.management.problems import PREFIX
from moorage.gateway.limits import Allowance, AtOnce, Buckets, Holding
from moorage.gateway.metrics import ShedNumbers
from moorage.oci.errors import RegistryError, TooManyRequests, Unavailable
from moorage.runtime.clock import Clock

BURST_SECONDS: Final = 10
"""A rate may be saved up for that long: pushes and pulls come in bursts."""

_HELD: Final = web.RequestKey("moorage.held", Holding)
_COUNTED: Final = web.RequestKey("moorage.counted", bool)


class Throttle:
    """Counts requests, and refuses those past the allowance."""

    def __init__(self, allowance: Allowance, clock: Clock) -> None:
        self._clock = clock
        self._principals = Buckets(allowance.per_principal, allowance.per_principal * BURST_SECONDS)
        self._addresses = Buckets(allowance.per_address, allowance.per_address * BURST_SECONDS)
        self._uploads = AtOnce(allowance.uploads_at_once)
        self._requests = AtOnce(allowance.requests_at_once)
        self._held_by = AtOnce(allowance.of_one_address)
        self.numbers = ShedNumbers()

    def shedding(self) -> Middleware:
        """A middleware inside the one that renders problems: 429 for an address, 503 if there is too much of all."""

        @web.middleware
        async def shed(request: web.Request, handler: Handler) -> web.StreamResponse:
            request[_HELD] = held = Holding()
            try:
                refusal = self._refusal(request, held)
                if refusal is None:
                    return await handler(request)
            finally:
                held.give_back()
            if request.path.startswith(PREFIX):
                raise refusal
            return render(refusal)

        return shed

    def count(self, request: web.Request, principal: Principal) -> None:
        """Counts the request, once, for whoever makes it; nobody has an address only. Raises TooManyRequests."""
        if principal.kind is PrincipalKind.ANONYMOUS or _COUNTED in request:
            return
        request[_COUNTED] = True
        self._take(self._principals, principal, "principal")

    def begin_upload(self, request: web.Request, principal: str) -> None:
        """Holds one of the principal's uploads until the request ends. Raises TooManyRequests."""
        if not request.body_exists:
            return
        if not request[_HELD].take(self._uploads, principal):
            self.numbers.shed("uploads")
            raise _too_many("too many uploads at once; let some of them finish first", 1)

    def _refusal(self, request: web.Request, held: Holding) -> RegistryError | None:
        try:
            self._enter(client_of(request), held)
        except RegistryError as refusal:
            return refusal
        return None

    def _enter(self, address: str, held: Holding) -> None:
        self._take(self._addresses, address, "address")
        if not held.take(self._requests, None):
            self.numbers.shed("overload")
            raise Unavailable("the registry has too much to do right now; try again in a few seconds")
        if not held.take(self._held_by, address):
            self.numbers.shed("address")
            raise _too_many("too many requests at once; let some of them finish first", 1)

    def _take(self, buckets: Buckets, key: object, limit: str) -> None:
        now = self._clock.monotonic()
        if not buckets.take(key, now):
            self.numbers.shed(limit)
            raise _too_many("too many requests; slow down", buckets.wait(key, now))


def _too_many(message: str, seconds: int) -> TooManyRequests:
    return TooManyRequests(message, headers={"Retry-After": str(seconds)})
