"""The gate of the distribution API: every request is judged here before any content is touched (R59, R64)."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Final
from uuid import UUID

import structlog
from aiohttp import web

from moorage.access.action import Action
from moorage.access.audit import Mode
from moorage.access.consistency import ORIGIN, ConsistencyToken
from moorage.access.reason import Reason
from moorage.distribution import paths
from moorage.distribution.content import Actor
from moorage.distribution.gate import Admission, place_of
from moorage.distribution.headers import AUTHZ_MIN_TOKEN, DECISION_ID
from moorage.gateway import refusals
from moorage.gateway.access import Access
from moorage.gateway.audit import Asked, Audit
from moorage.gateway.caller import Caller
from moorage.gateway.challenge import Challenge, Fault
from moorage.gateway.http.authentication import Authentication, LoginEnded
from moorage.gateway.http.throttle import Throttle
from moorage.gateway.http.via import via
from moorage.gateway.outcome import Outcome
from moorage.gateway.refusals import Attempt
from moorage.gateway.scopes import needed, spell
from moorage.oci.errors import NameInvalid, ParameterInvalid, Unauthenticated, Unavailable
from moorage.oci.reference import ImageName

_BEGINNINGS: Final = (paths.Uploads, paths.Manifest)
DECISION: Final = web.RequestKey("moorage.decision", UUID)
"""The record of the decision about a request: told in the answer of what was denied or changes something."""


class OciGate:
    """Implements moorage.distribution.gate.Gate for people and machines outside."""

    def __init__(
        self, authentication: Authentication, access: Access, challenge: Challenge, audit: Audit, throttle: Throttle
    ) -> None:
        self._authentication = authentication
        self._throttle = throttle
        self._access = access
        self._challenge = challenge
        self._audit = audit

    async def ping(self, request: web.Request) -> None:
        """401 for everyone unauthenticated, also where public images exist: else docker stays anonymous (§7, 5)."""
        caller = await self._authentication.caller(request)
        if caller.anonymous:
            raise self._challenge.bearer("log in first")

    async def admit(self, request: web.Request, name: str, action: Action) -> Admission:
        """Decides from the replica. The first request of a push may create the record."""
        caller, image = await self._enter(request, name, action)
        creates = action is Action.PUSH and _begins_push(request)
        try:
            outcome = await self._access.decide(
                caller.identity, image, action, creates=creates, after=_minimum(request), insists=True
            )
        except Unavailable as error:
            raise self._unable(request, caller, image, action, error) from error
        admission = self._admitted(request, caller, image, action, outcome)
        if action is Action.PUSH:
            self._throttle.begin_upload(request, admission.actor.principal)
        return admission

    async def admit_change(self, request: web.Request, name: str, action: Action) -> Admission:
        """Decides at the authority."""
        caller, image = await self._enter(request, name, action)
        try:
            outcome = await self._access.decide_at_head(caller.identity, image, action)
        except Unavailable as error:
            raise self._unable(request, caller, image, action, error) from error
        admission = self._admitted(request, caller, image, action, outcome)
        if outcome.mode is Mode.AUTHORITY:
            return admission
        structlog.get_logger().warning(
            "The authority is away; a push rests on local facts.", token=admission.actor.token
        )
        return replace(admission, actor=replace(admission.actor, token_is_local=True))

    async def mount_source(self, request: web.Request, source: str) -> UUID | None:
        """Not in the token: 401, whatever the name. Whatever else is missing: None, always the same (§7, 3)."""
        caller = await self._authentication.caller(request)
        if not caller.mentions(source):
            raise self._unmentioned(request, caller, source)
        if not caller.covers(source, Action.PULL):
            return None
        try:
            name = ImageName.parse(source)
            outcome = await self._access.decide(caller.identity, name, Action.PULL)
        except (NameInvalid, Unavailable):
            return None
        if not self._audit.passes(Action.PULL, outcome):
            self._audit.note(Asked(caller.identity, name, Action.PULL, via(request)), outcome)
        return outcome.image.id if outcome.allowed and outcome.image else None

    async def settle(self, request: web.Request, admission: Admission, token: str) -> None:
        """Decides again if the content was pushed at a later position than the first decision rests on (§3.5)."""
        wanted = ConsistencyToken.parse(token)
        decided, name = ConsistencyToken.parse(admission.actor.token), ImageName.parse(admission.name)
        if self._access.rests_on(decided, wanted, name):
            return
        caller, image = await self._enter(request, admission.name, Action.PULL)
        try:
            outcome = await self._access.decide(caller.identity, image, Action.PULL, after=wanted)
        except Unavailable as error:
            raise self._unable(request, caller, image, Action.PULL, error) from error
        again = self._admitted(request, caller, image, Action.PULL, outcome)
        if again.image != admission.image:
            raise refusals.unknown_name()
        if outcome.decision.token < wanted:
            raise Unavailable("the registry can't verify your rights right now; try again in a few seconds")

    async def _enter(self, request: web.Request, name: str, action: Action) -> tuple[Caller, ImageName]:
        """Who asks, and the name as a value; refused here is what the text alone rules out (V5)."""
        image = ImageName.parse(name)
        wanted = _Scopes(request, name, action)
        try:
            caller = await self._authentication.caller(request, wanted)
        except LoginEnded as error:
            attempt = self._refused(request, error.caller, image, action, error.reason)
            error.detail = attempt.detail(error.reason)
            raise
        structlog.contextvars.bind_contextvars(principal=str(caller.identity.principal), image=name)
        if not caller.covers(name, action):
            reason = Reason.SCOPE if caller.by_token or not caller.anonymous else Reason.UNAUTHENTICATED
            raise refusals.of_scope(self._challenge, self._refused(request, caller, image, action, reason))
        return caller, image

    def _admitted(
        self, request: web.Request, caller: Caller, name: ImageName, action: Action, outcome: Outcome
    ) -> Admission:
        image = outcome.image
        if not outcome.allowed:
            decision = self._recorded(request, caller, name, action, outcome)
            raise refusals.of_denial(self._challenge, self._attempt(request, caller, name, action, decision), outcome)
        if image is None:  # a push that could create the record, at a request that begins no push
            missing = outcome._replace(decision=outcome.decision._replace(reason=Reason.RECORD_MISSING))
            raise refusals.unknown_name(self._recorded(request, caller, name, action, missing))
        if not self._audit.passes(action, outcome):
            self._recorded(request, caller, name, action, outcome)
        actor = Actor(str(caller.identity.principal), image.link_gen, str(outcome.decision.token))
        return Admission(image.id, str(name), actor)

    def _recorded(
        self, request: web.Request, caller: Caller, name: ImageName, action: Action, outcome: Outcome
    ) -> UUID:
        """Records the decision; its id, told in the answer of all but allowed pulls. Raises Unavailable (writes)."""
        decision = self._audit.note(Asked(caller.identity, name, action, via(request)), outcome)
        if action is not Action.PULL or not outcome.allowed:
            request[DECISION] = decision
        return decision

    def _refused(
        self, request: web.Request, caller: Caller, name: ImageName, action: Action, reason: Reason
    ) -> Attempt:
        """What was refused on the text alone, recorded."""
        decision = self._recorded(request, caller, name, action, self._audit.refusal(reason))
        return self._attempt(request, caller, name, action, decision)

    def _attempt(
        self, request: web.Request, caller: Caller, name: ImageName, action: Action, decision: UUID
    ) -> Attempt:
        return Attempt(caller, name, action, _scopes(request, str(name), action), decision)

    def _unable(
        self, request: web.Request, caller: Caller, name: ImageName, action: Action, error: Unavailable
    ) -> Unavailable:
        """The same error, recorded: that nobody could be asked is an answer too."""
        reason = Reason(error.detail.get("reason", Reason.NOT_READY))
        error.detail = self._refused(request, caller, name, action, reason).detail(reason)
        return error

    def _unmentioned(self, request: web.Request, caller: Caller, source: str) -> Unauthenticated:
        refusal = self._challenge.bearer(
            "the token does not cover the image to mount from; ask for one that covers both",
            _scopes(request, _target(request), Action.PUSH),
            Fault.INSUFFICIENT_SCOPE,
        )
        attempt = self._refused(request, caller, ImageName.parse(source), Action.PULL, Reason.SCOPE)
        refusal.detail = attempt.detail(Reason.SCOPE)
        return refusal


async def name_the_decision(request: web.Request, response: web.StreamResponse) -> None:
    """For `on_response_prepare`: the id of the decision, where one was noted for the answer."""
    if DECISION in request:
        response.headers[DECISION_ID] = str(request[DECISION])


def _begins_push(request: web.Request) -> bool:
    """Opening an upload begins a push, and so does a manifest whose blobs are there already."""
    return isinstance(place_of(request), _BEGINNINGS)


class _Scopes:
    """`_scopes` for who may need them: only a challenge tells them."""

    __slots__ = ("_asked",)

    def __init__(self, request: web.Request, name: str, action: Action) -> None:
        self._asked = (request, name, action)

    def __iter__(self) -> Iterator[str]:
        return iter(_scopes(*self._asked))


def _scopes(request: web.Request, name: str, action: Action) -> list[str]:
    """What the challenge asks for. A mount touches two images: who asks for one token must learn of both at once."""
    source = request.query.get("from") if request.query.get("mount") else None
    scopes = [spell(name, needed(action))]
    return [*scopes, spell(source, needed(Action.PULL))] if source and action is Action.PUSH else scopes


def _target(request: web.Request) -> str:
    """The name of the image that an upload is opened in."""
    place = place_of(request)
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
