"""A small authority in one process: it decides by the product's rules, from a replica that has seen every row."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from gateway.village_order import WORKSPACE, Order, identifier
from moorage.access import deletion_wire, explain_wire, wire
from moorage.access.action import Action
from moorage.access.audit import (
    AuditRecord,
    FindDecisionRequest,
    KeepAuditAnswer,
    KeepAuditRequest,
    ListAuditAnswer,
    ListAuditRequest,
)
from moorage.access.consistency import ConsistencyToken
from moorage.access.frames import RowKind
from moorage.access.image import ImageState, PushPolicy, Visibility
from moorage.access.principal import Identity
from moorage.access.problems import (
    AlreadyExists,
    CredentialUnknown,
    Forbidden,
    NotFound,
    Problem,
    ServiceUnavailable,
)
from moorage.access.reading_wire import FindWorkspaceRequest, ListCatalogRequest
from moorage.access.reason import Reason
from moorage.access.sync_wire import (
    AwaitFleetRequest,
    FleetProgress,
    RefreshAnswer,
    RefreshRequest,
    SyncStatus,
    SyncStatusRequest,
)
from moorage.gateway.outcome import Outcome

NO_CHRONICLE = "the village keeps no chronicle"


class Village(Order):
    """Implements Authority on top of the order."""

    async def authenticate(self, request: wire.AuthenticateRequest) -> wire.AuthenticateAnswer:
        """See Authority."""
        self._asked("authenticate")
        if request.secret not in self.secrets:
            raise CredentialUnknown("this is not a valid credential")
        identity, account = self.secrets[request.secret]
        return wire.AuthenticateAnswer(identity=wire.IdentityBody.of(identity), account=account)

    async def check(self, request: wire.CheckRequest) -> wire.CheckAnswer:
        """See Authority."""
        self._asked("check")
        return self._answer(self._decide(request.identity.value(), request.workspace, request.image, request.action))

    async def first_push(self, request: wire.FirstPushRequest) -> wire.CheckAnswer:
        """See Authority."""
        self._asked("first_push")
        outcome = self._decide(request.identity.value(), request.workspace, request.image, Action.PUSH)
        if outcome.allowed and outcome.image is None:
            self.image(request.image, request.image.partition("/")[0])
            outcome = self._decide(request.identity.value(), request.workspace, request.image, Action.PUSH)
        return self._answer(outcome)

    async def create_image(self, request: wire.CreateImageRequest) -> wire.ImageBody:
        """See Authority."""
        self._asked("create_image")
        if self.image_id(request.image) in self.images:
            raise AlreadyExists("the name is taken")
        if f"re:{request.repository}" not in self._aliases:
            raise NotFound("no such repository")
        self._manage(request.identity.value(), f"{request.repository}/any", Action.PUSH)
        return self.image(request.image, request.repository)

    async def find_image(self, request: wire.FindImageRequest) -> wire.ImageBody:
        """See Authority."""
        self._asked("find_image")
        id = request.id or self.image_id(request.image or "")
        image = self.images.get(id)
        if image is None or not self._decide_on(request.identity.value(), image, Action.PULL).allowed:
            raise NotFound("nothing of this name is available to you")
        return image

    async def list_images(self, request: wire.ListImagesRequest) -> wire.ListImagesAnswer:
        """See Authority."""
        self._asked("list_images")
        identity = request.identity.value()
        seen = sorted(
            (image for image in self.images.values() if self._decide_on(identity, image, Action.PULL).allowed),
            key=lambda image: image.name,
        )
        after = [image for image in seen if image.name.partition("/")[2] > (request.cursor or "")]
        page = after[: request.limit]
        cursor = page[-1].name.partition("/")[2] if len(after) > len(page) else None
        return wire.ListImagesAnswer(images=page, cursor=cursor, token=str(self.position))

    async def list_catalog(self, request: ListCatalogRequest) -> wire.ListImagesAnswer:
        """See Authority."""
        self._asked("list_catalog")
        identity = request.identity.value()
        seen = [image for image in self.images.values() if self._decide_on(identity, image, Action.PULL).allowed]
        after = sorted((each for each in seen if each.name > (request.cursor or "")), key=lambda each: each.name)
        page = after[: request.limit]
        cursor = page[-1].name if len(after) > len(page) else None
        return wire.ListImagesAnswer(images=page, cursor=cursor, token=str(self.position))

    async def set_image(self, request: wire.SetImageRequest) -> wire.ImageBody:
        """See Authority."""
        image = self._managed(request.identity.value(), request.id)
        return self.image(
            image.name.partition("/")[2],
            image.repository_slug,
            request.visibility or image.visibility,
            request.push_policy or image.push_policy,
            publishers=image.publishers if request.publishers is None else request.publishers,
            admin_override=image.admin_override if request.admin_override is None else request.admin_override,
        )

    async def relink_image(self, request: wire.RelinkImageRequest) -> wire.ImageBody:
        """See Authority."""
        image = self._managed(request.identity.value(), request.id)
        visibility = request.visibility or Visibility.INHERIT
        return self.image(image.name.partition("/")[2], request.repository, visibility, link_gen=image.link_gen + 1)

    async def delete_image(self, request: wire.DeleteImageRequest) -> wire.ImageBody:
        """See Authority."""
        image = self._managed(request.identity.value(), request.id)
        alias, repository = self._aliases[f"im:{image.id}"], self._aliases[f"re:{image.repository_slug}"]
        self._tell((RowKind.IMAGE, self._home, alias, repository, 0, 1, {}))
        del self.images[image.id]
        gone = {"state": ImageState.DELETED, "restorable_until": self.clock.now() + timedelta(hours=24)}
        self.deleted[image.id] = image.model_copy(update={**gone, "token": str(self.position)})
        return self.deleted[image.id]

    async def restore_image(self, request: deletion_wire.RestoreImageRequest) -> wire.ImageBody:
        """See Authority; to everybody: who may is in the contract."""
        self._asked("restore_image")
        image = self.deleted.get(request.id)
        if image is None or image.id in self.purging:
            raise NotFound("nothing of this id is available to you")
        name = image.name.partition("/")[2]
        if self.image_id(name) in self.images:
            raise AlreadyExists("the name is taken")
        del self.deleted[image.id]
        return self.image(name, image.repository_slug, image.visibility, link_gen=image.link_gen + 1)

    async def list_deleted_images(self, request: deletion_wire.ListDeletedImagesRequest) -> wire.ListImagesAnswer:
        """See Authority; everything, to everybody."""
        self._asked("list_deleted_images")
        return wire.ListImagesAnswer(images=list(self.deleted.values())[: request.limit], token=str(self.position))

    async def purgeable(self, request: deletion_wire.PurgeableRequest) -> deletion_wire.PurgeableAnswer:
        """See Authority; what a test says is."""
        if self.away:
            raise ServiceUnavailable("permissions can't be reached")
        return deletion_wire.PurgeableAnswer(images=self.purging[: request.limit])

    async def purged(self, request: deletion_wire.PurgedRequest) -> deletion_wire.PurgedAnswer:
        """See Authority."""
        known = [image for image in self.purging if image in request.images]
        self.purging = [image for image in self.purging if image not in known]
        return deletion_wire.PurgedAnswer(purged=len(known))

    async def unpushed(self, request: deletion_wire.UnpushedRequest) -> deletion_wire.UnpushedAnswer:
        """See Authority; what a test says is."""
        if self.away:
            raise ServiceUnavailable("permissions can't be reached")
        told = [each for each in self.unpushed_images if request.after is None or each > request.after]
        return deletion_wire.UnpushedAnswer(images=told[: request.limit])

    async def looked_into(self, request: deletion_wire.LookedIntoRequest) -> deletion_wire.LookedIntoAnswer:
        """See Authority."""
        ended = len([image for image in request.empty if image in self.unpushed_images])
        told = {*request.holding, *request.empty}
        self.unpushed_images = [image for image in self.unpushed_images if image not in told]
        return deletion_wire.LookedIntoAnswer(ended=ended)

    async def find_workspace(self, request: FindWorkspaceRequest) -> wire.WorkspaceBody:
        """See Authority; the village keeps nothing of what was set."""
        self._own(request)
        return wire.WorkspaceBody(
            id=identifier(f"ws:{WORKSPACE}"),
            slug=WORKSPACE,
            allow_public=False,
            default_push_policy=PushPolicy.REPOSITORY_WRITE,
            token=str(self.position),
        )

    async def set_workspace(self, request: wire.SetWorkspaceRequest) -> wire.WorkspaceBody:
        """See Authority."""
        self._own(request)
        self.tell_workspace(allow_public=bool(request.allow_public))
        return wire.WorkspaceBody(
            id=identifier(f"ws:{WORKSPACE}"),
            slug=WORKSPACE,
            allow_public=bool(request.allow_public),
            default_push_policy=request.default_push_policy or PushPolicy.REPOSITORY_WRITE,
            default_publishers=request.default_publishers or [],
            pipeline_create=bool(request.pipeline_create),
            token=str(self.position),
        )

    async def create_token(self, request: wire.CreateTokenRequest) -> wire.CreateTokenAnswer:
        """See Authority."""
        self._asked("create_token")
        name = self._account(request.identity.value())
        secret = self.token(name, request.spec.scopes)
        identity = self.secrets[secret][0]
        assert identity.credential
        minted = self.tokens[identity.credential]
        return wire.CreateTokenAnswer(token=minted, secret=secret, consistency_token=str(self.position))

    async def list_tokens(self, request: wire.ListTokensRequest) -> wire.ListTokensAnswer:
        """See Authority."""
        account = self._account(request.identity.value())
        return wire.ListTokensAnswer(tokens=[each for each in self.tokens.values() if each.account == account])

    async def revoke_token(self, request: wire.RevokeTokenRequest) -> wire.RevokeTokenAnswer:
        """See Authority."""
        if request.token not in self.tokens:
            raise NotFound("no token with this id is yours")
        self.revoke(request.token)
        return wire.RevokeTokenAnswer(consistency_token=str(self.position))

    async def explain(self, request: explain_wire.ExplainRequest) -> explain_wire.Explanation:
        """See Authority."""
        outcome = self._decide(request.identity.value(), request.workspace, request.image, request.action)
        return explain_wire.Explanation(
            decision="allow" if outcome.allowed else "deny",
            reason=outcome.decision.reason,
            action=request.action,
            image=f"{request.workspace}/{request.image}",
            principal=str(request.principal),
            token=str(self.position),
            as_of=datetime.now(UTC),
            effective_role=outcome.decision.role.word,
            paths=[],
            filters=[],
            would_allow=[],
            recent_changes=[],
        )

    async def who_can(self, request: explain_wire.WhoCanRequest) -> explain_wire.WhoCanAnswer:
        """See Authority."""
        raise NotFound(NO_CHRONICLE)

    async def what_can(self, request: explain_wire.WhatCanRequest) -> explain_wire.WhatCanAnswer:
        """See Authority."""
        raise NotFound(NO_CHRONICLE)

    async def image_diff(self, request: explain_wire.ImageDiffRequest) -> explain_wire.DiffAnswer:
        """See Authority."""
        raise NotFound(NO_CHRONICLE)

    async def user_diff(self, request: explain_wire.UserDiffRequest) -> explain_wire.DiffAnswer:
        """See Authority."""
        raise NotFound(NO_CHRONICLE)

    async def preview(self, request: explain_wire.PreviewRequest) -> explain_wire.PreviewAnswer:
        """See Authority."""
        raise NotFound(NO_CHRONICLE)

    async def offboarding(self, request: explain_wire.OffboardingRequest) -> explain_wire.OffboardingAnswer:
        """See Authority."""
        raise NotFound(NO_CHRONICLE)

    async def keep_audit(self, request: KeepAuditRequest) -> KeepAuditAnswer:
        """See Authority."""
        self._asked("audit")
        before = len(self.audited)
        for record in request.records:
            self.audited.setdefault(record.decision, record)
        return KeepAuditAnswer(kept=len(self.audited) - before)

    async def list_audit(self, request: ListAuditRequest) -> ListAuditAnswer:
        """See Authority; everything, to anybody."""
        return ListAuditAnswer(records=list(self.audited.values())[: request.limit])

    async def find_decision(self, request: FindDecisionRequest) -> AuditRecord:
        """See Authority; to whom it is about."""
        found = self.audited.get(request.decision)
        if found is None or found.who != request.identity.value().principal:
            raise NotFound("no decision of this id is yours to read")
        return found.to_principal()

    async def await_fleet(self, request: AwaitFleetRequest) -> FleetProgress:
        """See Authority. Nobody waits here: it says how things are."""
        self._asked("await_fleet")
        applied = {each.gateway: ConsistencyToken.parse(each.applied) for each in self.fleet.values()}
        token = ConsistencyToken.parse(request.token)
        waiting = [gateway for gateway, at in applied.items() if at < token]
        return FleetProgress(
            token=request.token,
            reached=not waiting,
            minimum=str(min(applied.values())) if applied else None,
            confirmed=[gateway for gateway in applied if gateway not in waiting],
            waiting=waiting,
        )

    async def refresh(self, request: RefreshRequest) -> RefreshAnswer:
        """See Authority. This village is told of by hand: there is nobody to ask."""
        self._asked("refresh")
        return RefreshAnswer(asked=False)

    async def sync_status(self, request: SyncStatusRequest) -> SyncStatus:
        """See Authority."""
        self._asked("sync_status")
        if request.workspace != WORKSPACE:
            raise NotFound("nothing of this name is available to you")
        return SyncStatus(
            workspace=WORKSPACE,
            lanes=[],
            lag=0,
            pinned_since=None,
            dead_letters=0,
            sweep_held=False,
            last_applied=None,
            head=str(self.position),
            fleet_minimum=str(self.position),
            gateways=len(self.fleet),
        )

    def _decide(self, identity: Identity, slug: str, name: str, action: Action) -> Outcome:
        workspace = self._head.workspace(slug)
        if workspace is None:
            return self._head.unknown(identity, action, self.clock.now())
        return self._head.decide(identity, workspace, name, action, self.clock.now())

    def _decide_on(self, identity: Identity, image: wire.ImageBody, action: Action) -> Outcome:
        return self._decide(identity, WORKSPACE, image.name.partition("/")[2], action)

    def _answer(self, outcome: Outcome) -> wire.CheckAnswer:
        decision = outcome.decision
        shown = outcome.image and (decision.readable or decision.allowed)
        return wire.CheckAnswer(
            reason=Reason.RECORD_MISSING if decision.allowed and not outcome.image else decision.reason,
            role=decision.role,
            readable=decision.readable,
            token=str(self.position),
            image=self.images[outcome.image.id] if shown and outcome.image else None,
        )

    def _own(self, request: FindWorkspaceRequest | wire.SetWorkspaceRequest) -> None:
        self._asked("workspace settings")
        if request.workspace != WORKSPACE:
            raise NotFound("nothing of this name is available to you")
        if self._account(request.identity.value()) not in self.owners:
            raise Forbidden("only owners may", reason=Reason.NOT_ADMIN.value)

    def _managed(self, identity: Identity, id: UUID) -> wire.ImageBody:
        self._asked("manage")
        image = self.images.get(id)
        if image is None:
            raise NotFound("nothing of this id is available to you")
        self._manage(identity, image.name.partition("/")[2], Action.MANAGE)
        return image

    def _manage(self, identity: Identity, name: str, action: Action) -> None:
        outcome = self._decide(identity, WORKSPACE, name, action)
        if not outcome.allowed:
            raise _refusal(outcome)

    def _account(self, identity: Identity) -> str:
        for known, account in self.secrets.values():
            if known.principal == identity.principal:
                return account
        raise Forbidden("only users have tokens", reason=Reason.UNAUTHENTICATED.value)


def _refusal(outcome: Outcome) -> Problem:
    if outcome.decision.readable:
        return Forbidden("you may not", reason=outcome.decision.reason.value)
    return NotFound("nothing of this name is available to you")
