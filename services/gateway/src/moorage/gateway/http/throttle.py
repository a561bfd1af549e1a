"""How much one principal and one address may ask, and when the gateway as a whole takes no more (R141, R144).

What is too much is refused before anything else is done for it: that has to cost next to nothing.
"""

from contextlib import ExitStack
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from moorage.access.principal import Principal, PrincipalKind
from moorage.distribution.errors import render
from moorage.gateway.http.address import client_of
from moorage.gateway.http.management.problems import PREFIX
from moorage.gateway.limits import Allowance, AtOnce, Buckets
from moorage.gateway.metrics import ShedNumbers
from moorage.oci.errors import RegistryError, TooManyRequests, Unavailable
from moorage.runtime.clock import Clock

BURST_SECONDS: Final = 10
"""A rate may be saved up for that long: pushes and pulls come in bursts."""

_HELD: Final = web.RequestKey("moorage.held", ExitStack)
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
            with ExitStack() as held:
                try:
                    self._enter(request, held)
                except RegistryError as refusal:
                    if request.path.startswith(PREFIX):
                        raise
                    return render(refusal)
                request[_HELD] = held
                return await handler(request)

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
        if not self._uploads.take(principal):
            self.numbers.shed("uploads")
            raise _too_many("too many uploads at once; let some of them finish first", 1)
        request[_HELD].callback(self._uploads.give_back, principal)

    def _enter(self, request: web.Request, held: ExitStack) -> None:
        address = client_of(request)
        self._take(self._addresses, address, "address")
        if not self._requests.take(None):
            self.numbers.shed("overload")
            raise Unavailable("the registry has too much to do right now; try again in a few seconds")
        held.callback(self._requests.give_back, None)
        if not self._held_by.take(address):
            self.numbers.shed("address")
            raise _too_many("too many requests at once; let some of them finish first", 1)
        held.callback(self._held_by.give_back, address)

    def _take(self, buckets: Buckets, key: object, limit: str) -> None:
        now = self._clock.monotonic()
        if not buckets.take(key, now):
            self.numbers.shed(limit)
            raise _too_many("too many requests; slow down", buckets.wait(key, now))


def _too_many(message: str, seconds: int) -> TooManyRequests:
    return TooManyRequests(message, headers={"Retry-After": str(seconds)})
