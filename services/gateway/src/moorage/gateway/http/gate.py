"""The gate of the distribution API: every request is judged here before any content is touched (R59, R64)."""

from uuid import UUID

import structlog
from aiohttp import web

from moorage.access.action import Action
from moorage.access.consistency import ORIGIN, ConsistencyToken
from moorage.distribution import paths
from moorage.distribution.content import Actor
from moorage.distribution.gate import Admission
from moorage.distribution.headers import AUTHZ_MIN_TOKEN
from moorage.gateway import refusals
from moorage.gateway.access import Access
from moorage.gateway.caller import Caller
from moorage.gateway.challenge import Challenge, Fault
from moorage.gateway.http.authentication import Authentication
from moorage.gateway.outcome import Outcome
from moorage.gateway.scopes import needed, spell
from moorage.oci.errors import NameInvalid, ParameterInvalid, Unavailable
from moorage.oci.reference import ImageName


class OciGate:
    """Implements moorage.distribution.gate.Gate for people and machines outside."""

    def __init__(self, authentication: Authentication, access: Access, challenge: Challenge) -> None:
        self._authentication = authentication
        self._access = access
        self._challenge = challenge

    async def ping(self, request: web.Request) -> None:
        """401 for everyone unauthenticated, also where public images exist: else docker stays anonymous (§7, 5)."""
        caller = await self._authentication.caller(request)
        if caller.anonymous:
            raise self._challenge.bearer("log in first")

    async def admit(self, request: web.Request, name: str, action: Action) -> Admission:
        """Decides from the replica. The first request of a push may create the record."""
        caller, image = await self._enter(request, name, action)
        creates = action is Action.PUSH and _begins_push(request)
        outcome = await self._access.decide(caller.identity, image, action, creates=creates, after=_minimum(request))
        return self._admitted(request, caller, image, action, outcome)

    async def admit_change(self, request: web.Request, name: str, action: Action) -> Admission:
        """Decides at the authority."""
        caller, image = await self._enter(request, name, action)
        outcome = await self._access.decide_at_head(caller.identity, image, action)
        return self._admitted(request, caller, image, action, outcome)

    async def mount_source(self, request: web.Request, source: str) -> UUID | None:
        """Not in the token: 401, whatever the name. Whatever else is missing: None, always the same (§7, 3)."""
        caller = await self._authentication.caller(request)
        if not caller.mentions(source):
            raise self._challenge.bearer(
                "the token does not cover the image to mount from; ask for one that covers both",
                _scopes(request, _target(request), Action.PUSH),
                Fault.INSUFFICIENT_SCOPE,
            )
        if not caller.covers(source, Action.PULL):
            return None
        try:
            outcome = await self._access.decide(caller.identity, ImageName.parse(source), Action.PULL)
        except (NameInvalid, Unavailable):
            return None
        return outcome.image.id if outcome.allowed and outcome.image else None

    async def settle(self, request: web.Request, admission: Admission, token: str) -> None:
        """Decides again if the content was pushed at a later position than the first decision rests on (§3.5)."""
        wanted = ConsistencyToken.parse(token)
        if ConsistencyToken.parse(admission.actor.token) >= wanted:
            return
        caller, image = await self._enter(request, admission.name, Action.PULL)
        outcome = await self._access.decide(caller.identity, image, Action.PULL, after=wanted)
        again = self._admitted(request, caller, image, Action.PULL, outcome)
        if again.image != admission.image:
            raise refusals.unknown_name()
        if outcome.decision.token < wanted:
            raise Unavailable("the registry can't verify your rights right now; try again in a few seconds")

    async def _enter(self, request: web.Request, name: str, action: Action) -> tuple[Caller, ImageName]:
        """Who asks, and the name as a value; refused here is what the text alone rules out (V5)."""
        image = ImageName.parse(name)
        wanted = _scopes(request, name, action)
        caller = await self._authentication.caller(request, wanted)
        structlog.contextvars.bind_contextvars(principal=str(caller.identity.principal), image=name)
        if not caller.covers(name, action):
            raise refusals.of_scope(self._challenge, caller, wanted)
        return caller, image

    def _admitted(
        self, request: web.Request, caller: Caller, name: ImageName, action: Action, outcome: Outcome
    ) -> Admission:
        if not outcome.allowed:
            wanted = _scopes(request, str(name), action)
            raise refusals.of_denial(self._challenge, caller, name, action, outcome, wanted)
        image = outcome.image
        if image is None:  # a push that could create the record, at a request that begins no push
            raise refusals.unknown_name()
        actor = Actor(str(caller.identity.principal), image.link_gen, str(outcome.decision.token))
        return Admission(image.id, str(name), actor)


def _begins_push(request: web.Request) -> bool:
    """Opening an upload begins a push, and so does a manifest whose blobs are there already."""
    return isinstance(paths.parse(request.rel_url.raw_path), paths.Uploads | paths.Manifest)


def _scopes(request: web.Request, name: str, action: Action) -> list[str]:
    """What the challenge asks for. A mount touches two images: who asks for one token must learn of both at once."""
    source = request.query.get("from") if request.query.get("mount") else None
    scopes = [spell(name, needed(action))]
    return [*scopes, spell(source, needed(Action.PULL))] if source and action is Action.PUSH else scopes


def _target(request: web.Request) -> str:
    """The name of the image that an upload is opened in."""
    place = paths.parse(request.rel_url.raw_path)
    return "" if isinstance(place, paths.Ping) else place.name


def _minimum(request: web.Request) -> ConsistencyToken:
    """The position that the client has seen elsewhere and insists on (§3.6). Raises ParameterInvalid."""
    text = request.headers.get(AUTHZ_MIN_TOKEN)
    if text is None:
        return ORIGIN
    try:
        return ConsistencyToken.parse(text)
    except ValueError as error:
        raise ParameterInvalid(f"{AUTHZ_MIN_TOKEN}: {error}") from error
