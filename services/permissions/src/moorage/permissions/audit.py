"""The audit trail: what gateways and permissions decide is kept, read by who may, and forgotten by age (§4)."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from moorage.access.action import Action
from moorage.access.audit import (
    MOST_RECORDS,
    AuditRecord,
    Deed,
    FindDecisionRequest,
    KeepAuditAnswer,
    KeepAuditRequest,
    ListAuditAnswer,
    ListAuditRequest,
)
from moorage.access.decision import Decision
from moorage.access.principal import Identity, Principal, PrincipalKind, Scope
from moorage.access.problems import AlreadyExists, Forbidden, InputInvalid, NotFound, Problem
from moorage.access.reason import Reason
from moorage.access.role import Membership, Role
from moorage.access.wire import CheckAnswer, CheckRequest, IdentityBody
from moorage.permissions.audit_trail import AuditQuery, Mark
from moorage.permissions.audited import About, record
from moorage.permissions.check import decide_image, standing_in
from moorage.permissions.credentials import find_user, is_operator
from moorage.permissions.images import workspace_named, workspace_of
from moorage.permissions.ports import Ledger, LedgerUnavailable, View
from moorage.permissions.records import Image, Workspace
from moorage.permissions.refusals import missing
from moorage.runtime.clock import Clock
from moorage.runtime.outgoing import Outgoing

CAPACITY: Final = 10_000
_FLUSH_SECONDS: Final = 1.0
_FORGOTTEN_AT_ONCE: Final = 5_000
_UNKNOWN: Final = "no decision of this id is yours to read"


class Audit:
    """The use cases of the trail. `queue` is for whoever opens the service to run; what is read was flushed before."""

    def __init__(self, ledger: Ledger, clock: Clock, capacity: int = CAPACITY) -> None:
        self._ledger = ledger
        self._clock = clock
        self.queue: Outgoing[AuditRecord] = Outgoing(
            "audit of the authority", self._append, capacity, MOST_RECORDS, LedgerUnavailable
        )

    async def keep(self, request: KeepAuditRequest) -> KeepAuditAnswer:
        """Keeps what gateways have decided; sent again, a record stays as it is."""
        return KeepAuditAnswer(kept=await self._append(request.records))

    def answered(self, request: CheckRequest, answer: CheckAnswer) -> CheckAnswer:
        """The answer to a question from outside, with the id of its record; what a gateway asks, a gateway records."""
        if request.identity.via is None:
            return answer
        image = answer.image
        name = f"{request.workspace}/{request.image}"
        about = About(name, image.workspace_id if image else None, image.id if image else None)
        made = record(request.identity, Deed(request.action.value), about, answer.decision(), self._clock.now())
        return answer.model_copy(update={"decision_id": self._note(made)})

    @asynccontextmanager
    async def denials(
        self, who: IdentityBody, deed: Deed, *, name: str = "", image: UUID | None = None
    ) -> AsyncIterator[None]:
        """Around a change: records its refusal, and gives the problem the id of the record."""
        try:
            yield
        except (Forbidden, NotFound) as problem:
            problem.decision = self._note(await self._refused(problem, who, deed, About(name, image=image)))
            raise
        except AlreadyExists as problem:
            problem.decision = self._note(await self._taken(who, deed, About(name, image=image)))
            raise

    async def page(self, request: ListAuditRequest) -> ListAuditAnswer:
        """One page, newest first: everything for the operator, a workspace for its owners, an image for its admins.

        Raises Forbidden, NotFound, InputInvalid.
        """
        await self.queue.flush(_FLUSH_SECONDS)
        async with self._ledger.viewing() as view:
            query = await self._query(view, request)
        async with self._ledger.auditing() as trail:
            found = await trail.page(query)
        shown = list(found[: request.limit])
        return ListAuditAnswer(records=shown, cursor=str(Mark.of(shown[-1])) if len(found) > len(shown) else None)

    async def find(self, request: FindDecisionRequest) -> AuditRecord:
        """The record behind a decision's id, for whom it is about and for admins. Raises NotFound."""
        await self.queue.flush(_FLUSH_SECONDS)
        async with self._ledger.auditing() as trail:
            found = await trail.by_id(request.decision)
        if found is None:
            raise NotFound(_UNKNOWN)
        identity = request.identity.value()
        async with self._ledger.viewing() as view:
            if await self._administers(view, identity, found):
                return found
        if found.who != identity.principal or identity.principal.kind is PrincipalKind.ANONYMOUS:
            raise NotFound(_UNKNOWN)
        return found.to_principal()

    async def forget(self, age: timedelta) -> int:
        """Drops what is older; how much that was. Raises LedgerUnavailable."""
        before, dropped = self._clock.now() - age, 0
        while True:
            async with self._ledger.auditing() as trail:
                some = await trail.forget(before, _FORGOTTEN_AT_ONCE)
            dropped += some
            if some < _FORGOTTEN_AT_ONCE:
                return dropped

    async def _append(self, records: Sequence[AuditRecord]) -> int:
        async with self._ledger.auditing() as trail:
            return await trail.keep(records)

    def _note(self, made: AuditRecord) -> UUID:
        if not self.queue.offer(made):
            self.queue.lose()
        return made.decision

    async def _refused(self, problem: Problem, who: IdentityBody, deed: Deed, about: About) -> AuditRecord:
        told = problem.members.get("reason")
        readable = isinstance(problem, Forbidden) and told != Reason.UNAUTHENTICATED
        async with self._ledger.viewing() as view:
            known, token = await _found(view, about), problem.position or view.token
        # Who asked by id for what they may not know of does not learn its name from the record (V3).
        about = known if readable or about.image is None else replace(known, name=about.name)
        reason = problem.judged or (Reason(told) if told else Reason.NO_READ)
        return record(who, deed, about, Decision(reason, Role.NONE, readable, token), self._clock.now())

    async def _taken(self, who: IdentityBody, deed: Deed, about: About) -> AuditRecord:
        """Who may create learns that a name is taken (§1.7): allowed, and to no effect."""
        async with self._ledger.viewing() as view:
            about, decided = await _found(view, about), Decision(Reason.OK, Role.ADMIN, True, view.token)
        return record(who, deed, about, decided, self._clock.now(), {"failed": AlreadyExists.slug})

    async def _query(self, view: View, request: ListAuditRequest) -> AuditQuery:
        identity = request.identity.value()
        workspace, image = await self._meant(view, identity, request)
        return AuditQuery(
            workspace=workspace.id if workspace else None,
            image=image.record.id if image else None,
            principal=await _principal(view, request.about) if request.about else None,
            allow=request.allow,
            since=_moment(request.since, "since"),
            until=_moment(request.until, "until"),
            before=_mark(request.cursor),
            limit=request.limit + 1,
        )

    async def _meant(
        self, view: View, identity: Identity, request: ListAuditRequest
    ) -> tuple[Workspace | None, Image | None]:
        """What the question is limited to, if that is all that `identity` may read."""
        workspace = await workspace_named(view, request.workspace) if request.workspace else None
        image = await _image(view, request.image) if request.image else None
        if await is_operator(view, identity, self._clock.now()):
            if request.image and image is None:
                raise missing(identity)
            return workspace, image
        if request.image:
            return workspace, await self._own_image(view, identity, image)
        if workspace is None:
            raise InputInvalid("say of which workspace or image: add workspace or image")
        if not await _owns(view, identity, workspace):
            message = "only owners of the workspace may read its audit; of an image, its admins may: add image"
            raise Forbidden(message, reason=Reason.NOT_ADMIN.value)
        return workspace, None

    async def _own_image(self, view: View, identity: Identity, image: Image | None) -> Image:
        if image is None:
            raise missing(identity)
        workspace = await workspace_of(view, image)
        if await _owns(view, identity, workspace):
            return image
        outcome = await decide_image(view, identity, workspace, image, Action.MANAGE, self._clock.now())
        if outcome.reason is Reason.OK:
            return image
        if not outcome.readable:
            raise missing(identity)
        raise Forbidden("only admins of the image may read its audit", reason=Reason.NOT_ADMIN.value)

    async def _administers(self, view: View, identity: Identity, found: AuditRecord) -> bool:
        if await is_operator(view, identity, self._clock.now()):
            return True
        workspace = await view.hierarchy.workspace_by_id(found.workspace) if found.workspace else None
        if workspace is None:
            return False
        if await _owns(view, identity, workspace):
            return True
        image = await view.images.by_id(found.image) if found.image else None
        if image is None:
            return False
        outcome = await decide_image(view, identity, workspace, image, Action.MANAGE, self._clock.now())
        return outcome.reason is Reason.OK


async def _owns(view: View, identity: Identity, workspace: Workspace) -> bool:
    """Whether this is an owner of the workspace, with a credential that is bound to nothing smaller."""
    bound = identity.bound
    whole = bound is None or (bound.kind == "workspace" and workspace.id in bound.ids)
    if not whole or Scope.ADMIN not in identity.scopes:
        return False
    facts = await standing_in(view, identity, workspace, [])
    return facts.membership is Membership.OWNER and facts.principal_active and facts.credential_active


async def _found(view: View, about: About) -> About:
    """The same, with the workspace and name that are known here: whoever administers them finds the record."""
    if about.image is not None:
        image = await view.images.by_id(about.image)
        return About.of_image(image) if image else about
    workspace = await view.hierarchy.workspace(about.name.partition("/")[0]) if about.name else None
    return replace(about, workspace=workspace.id if workspace else None)


async def _image(view: View, wanted: str) -> Image | None:
    """The image that a UUID or a whole name means."""
    try:
        return await view.images.by_id(UUID(wanted))
    except ValueError:
        slug, _, name = wanted.partition("/")
        workspace = await view.hierarchy.workspace(slug)
        return await view.images.named(workspace.alias, name) if workspace else None


async def _principal(view: View, wanted: str) -> UUID | None:
    """The id of the principal that an account, a UUID or `<kind>:<uuid>` means. Raises NotFound, InputInvalid."""
    if ":" in wanted:
        try:
            return Principal.parse(wanted).id
        except ValueError as error:
            raise InputInvalid(str(error)) from None
    try:
        return UUID(wanted)
    except ValueError:
        return (await find_user(view, wanted)).id


def _mark(cursor: str | None) -> Mark | None:
    if cursor is None:
        return None
    try:
        return Mark.parse(cursor)
    except ValueError:
        raise InputInvalid("this cursor was not given by an earlier page") from None


def _moment(at: datetime | None, where: str) -> datetime | None:
    """A moment with its offset. Raises InputInvalid for one without: whose time it is would be a guess."""
    if at is not None and at.tzinfo is None:
        raise InputInvalid(f"{where} needs its offset, such as Z or +01:00")
    return at
