"""The gate of the internal network: it knows the gateway by its service token, and takes UUIDs for names."""

import hmac
import re
from typing import Final
from urllib.parse import unquote
from uuid import UUID

import structlog
from aiohttp import web

from moorage.access.action import Action
from moorage.access.consistency import ORIGIN
from moorage.distribution import headers
from moorage.distribution.capability import CapabilityInvalid, CapabilitySigner
from moorage.distribution.content import Actor
from moorage.distribution.gate import Admission
from moorage.distribution.inside import LOCAL, OUTSIDE, SEALED
from moorage.oci.errors import NameUnknown, ParameterInvalid, Unauthenticated, Unavailable
from moorage.runtime.clock import Clock, SystemClock

_UUID: Final = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")
_NUMBER: Final = re.compile(r"[0-9]{1,18}")
_MIN_TOKEN_CHARACTERS: Final = 16
_CHALLENGE: Final = {"WWW-Authenticate": 'Bearer realm="moorage-storage"'}
_log: Final = structlog.stdlib.get_logger(__name__)
_NOBODY: Final = Actor("anonymous", 0)


class InternalGate:
    """Implements Gate. The gateway has decided who may do what; here only: is it the gateway, and for which image?

    An edge shows the gateway's word for one request instead: a capability.
    """

    def __init__(self, service_token: str, clock: Clock | None = None) -> None:
        if len(service_token) < _MIN_TOKEN_CHARACTERS:
            raise ValueError(f"a service token has at least {_MIN_TOKEN_CHARACTERS} characters")  # R150
        self._expected = f"Bearer {service_token}".encode()
        self._capabilities = CapabilitySigner(service_token)
        self._clock = clock or SystemClock()

    def authenticate(self, request: web.Request) -> None:
        """Raises Unauthenticated unless the request shows the service token (R54)."""
        shown = request.headers.get("Authorization", "").encode(errors="surrogateescape")
        if not hmac.compare_digest(shown, self._expected):
            raise Unauthenticated("storage answers to the services of its registry only", headers=_CHALLENGE)

    async def ping(self, request: web.Request) -> None:
        """See Gate."""
        self.authenticate(request)

    async def admit(self, request: web.Request, name: str, action: Action) -> Admission:
        """See Gate. What content keeps nobody's name for (reading, unlinking a blob) needs no actor."""
        shown = request.headers.get(headers.CAPABILITY)
        if shown is not None:
            return self._admitted_before(request, name, shown)
        self.authenticate(request)
        if headers.SEALED_BODY in request.headers:
            request[SEALED] = True
        needs_actor = action is Action.PUSH or headers.PRINCIPAL in request.headers
        return Admission(image_of(name), name, actor_of(request) if needs_actor else _NOBODY)

    async def admit_change(self, request: web.Request, name: str, action: Action) -> Admission:
        """See Gate; the gateway has asked the authority."""
        return await self.admit(request, name, action)

    def _admitted_before(self, request: web.Request, name: str, shown: str) -> Admission:
        """What the gateway admitted, for an edge. Raises Unavailable: the client did nothing wrong."""
        now = self._clock.now().timestamp()
        try:
            capability = self._capabilities.read(shown, request.method, request.raw_path, now)
        except CapabilityInvalid as error:
            _log.warning("A capability was refused; do gateway, edge and storage belong together?", reason=str(error))
            raise Unavailable("the bytes can't be reached right now; try again in a few seconds") from error
        request[OUTSIDE] = True
        return Admission(image_of(name), capability.name, capability.actor)

    async def mount_source(self, request: web.Request, source: str) -> UUID | None:
        """See Gate; where the caller may not read it, storage never hears of it (protocol.md §1.4)."""
        return image_of(source)

    async def settle(self, request: web.Request, admission: Admission, token: str) -> None:
        """Nothing to wait for: the gateway settles what it hands out, and learns the token from the answer."""


def image_of(name: str) -> UUID:
    """The image that stands in the place of a name. Raises NameUnknown."""
    if not _UUID.fullmatch(name):
        raise NameUnknown("storage knows images by their UUID only")
    return UUID(name)


def actor_of(request: web.Request) -> Actor:
    """On whose behalf the gateway acts. Raises ParameterInvalid."""
    principal, link_gen = request.headers.get(headers.PRINCIPAL, ""), request.headers.get(headers.LINK_GEN, "")
    if not principal or not _NUMBER.fullmatch(link_gen):
        raise ParameterInvalid("a change says on whose behalf it is made, and for which generation of the link")
    token = request.headers.get(headers.AUTHZ_TOKEN, str(ORIGIN))
    is_local = request.headers.get(headers.TOKEN_MODE) == LOCAL
    return Actor(unquote(principal), int(link_gen), token, is_local)
