"""What an edge asks before it takes a large body straight to storage, so that the gateway copies none of it.

nginx sends a subrequest for each request that moves a blob's bytes (`auth_request`; deploy/edge). The same gate judges
it as if the client had come here, and the answer is a capability for exactly that request. Whatever is refused, the
edge sends on to the gateway itself, which refuses it in the right words.
"""

from typing import Final

from aiohttp import web
from yarl import URL

from moorage.access.action import Action
from moorage.distribution import headers, paths
from moorage.distribution.capability import CAPABILITY_SECONDS, Capability, CapabilitySigner
from moorage.distribution.gate import Admission, Gate
from moorage.distribution.server import answers
from moorage.distribution.server.limits import Limits
from moorage.gateway.http.gate import DECISION
from moorage.oci.errors import NameUnknown, ParameterInvalid, RegistryError
from moorage.runtime.clock import Clock

PREFIX: Final = "/edge/v1"
ADMIT: Final = "/admit"
"""Below the prefix, on the internal port: GET with the client's own headers, and method and target of its request."""


class EdgeAdmission:
    """Admits requests that an edge takes to storage by itself."""

    def __init__(self, gate: Gate, signer: CapabilitySigner, limits: Limits, clock: Clock) -> None:
        self._gate = gate
        self._signer = signer
        self._limits = limits
        self._clock = clock

    def add_to(self, app: web.Application) -> None:
        """An application that is mounted at the prefix of an internal port."""
        app.router.add_get(ADMIT, self._answer)

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        """204 with target and capability, or 403 without a word: the gateway has them, whom the edge asks next."""
        try:
            return await self._admit(request)
        except RegistryError:
            return web.Response(status=403)

    async def _admit(self, request: web.Request) -> web.StreamResponse:
        """Raises what the gate raises, NameUnknown for requests that move no bytes, ParameterInvalid."""
        asked = _original(request)
        place = paths.parse(asked.rel_url.raw_path, self._limits.max_name)
        match asked.method, place:
            case "GET", paths.Blob(name, digest):
                admission = await self._gate.admit(asked, name, Action.PULL)
                answer = self._allowed(asked, admission, paths.Blob(str(admission.image), digest))
            case "PATCH" | "PUT", paths.Upload(name, session):
                admission = await self._gate.admit(asked, name, Action.PUSH)
                answer = self._allowed(asked, admission, paths.Upload(str(admission.image), session))
            case _:
                raise NameUnknown("only blobs and chunks of uploads go past the gateway")
        if DECISION in asked:
            request[DECISION] = asked[DECISION]
        return answer

    def _allowed(self, asked: web.Request, admission: Admission, place: paths.Place) -> web.Response:
        target = f"{place}?{asked.rel_url.raw_query_string}" if asked.rel_url.raw_query_string else str(place)
        expires = int(self._clock.now().timestamp()) + CAPABILITY_SECONDS
        capability = Capability(asked.method, target, admission.name, admission.actor, expires)
        return answers.empty(204, {headers.EDGE_TARGET: target, headers.CAPABILITY: self._signer.sign(capability)})


def _original(request: web.Request) -> web.Request:
    """The client's request. Raises ParameterInvalid."""
    method, target = request.headers.get(headers.EDGE_METHOD), request.headers.get(headers.EDGE_URI, "")
    if not method or not target.startswith("/") or target.startswith("//"):
        raise ParameterInvalid(f"an edge says what is asked for in {headers.EDGE_METHOD} and {headers.EDGE_URI}")
    return request.clone(method=method, rel_url=URL(target, encoded=True))
