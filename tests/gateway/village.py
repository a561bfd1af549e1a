"""A small authority in one process: it decides by the product's rules, from a replica that has seen every row."""

from uuid import UUID

from gateway.village_order import WORKSPACE, Order, identifier
from moorage.access import wire
from moorage.access.action import Action
from moorage.access.frames import RowKind
from moorage.access.image import PushPolicy, Visibility
from moorage.access.principal import Identity
from moorage.access.problems import (
    AlreadyExists,
    CredentialUnknown,
    Forbidden,
    NotFound,
    Problem,
)
from moorage.access.reason import Reason
from moorage.gateway.outcome import Outcome


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
        if identifier(f"im:{request.image}") in self.images:
            raise AlreadyExists("the name is taken")
        if f"re:{request.repository}" not in self._aliases:
            raise NotFound("no such repository")
        self._manage(request.identity.value(), f"{request.repository}/any", Action.PUSH)
        return self.image(request.image, request.repository)

    async def find_image(self, request: wire.FindImageRequest) -> wire.ImageBody:
        """See Authority."""
        self._asked("find_image")
        id = request.id or identifier(f"im:{request.image}")
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
        after = [image for image in seen if image.name > (request.cursor or "")]
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
        )

    async def relink_image(self, request: wire.RelinkImageRequest) -> wire.ImageBody:
        """See Authority."""
        image = self._managed(request.identity.value(), request.id)
        visibility = request.visibility or Visibility.INHERIT
        return self.image(image.name.partition("/")[2], request.repository, visibility, link_gen=image.link_gen + 1)

    async def delete_image(self, request: wire.DeleteImageRequest) -> wire.ImageBody:
        """See Authority."""
        image = self._managed(request.identity.value(), request.id)
        name = image.name.partition("/")[2]
        alias, repository = self._aliases[f"im:{name}"], self._aliases[f"re:{image.repository_slug}"]
        self._tell((RowKind.IMAGE, self._home, alias, repository, 0, 1, {}))
        del self.images[image.id]
        return image.model_copy(update={"token": str(self.position)})

    async def set_workspace(self, request: wire.SetWorkspaceRequest) -> wire.WorkspaceBody:
        """See Authority."""
        self._asked("set_workspace")
        if request.workspace != WORKSPACE:
            raise NotFound("nothing of this name is available to you")
        if self._account(request.identity.value()) not in self.owners:
            raise Forbidden("only owners may", reason=Reason.NOT_ADMIN.value)
        self.tell_workspace(allow_public=bool(request.allow_public))
        return wire.WorkspaceBody(
            id=identifier(f"ws:{WORKSPACE}"),
            slug=WORKSPACE,
            allow_public=bool(request.allow_public),
            default_push_policy=request.default_push_policy or PushPolicy.REPOSITORY_WRITE,
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

    async def explain(self, request: wire.ExplainRequest) -> wire.Explanation:
        """See Authority."""
        outcome = self._decide(request.identity.value(), request.workspace, request.image, request.action)
        return wire.Explanation(
            decision="allow" if outcome.allowed else "deny",
            reason=outcome.decision.reason,
            action=request.action,
            image=f"{request.workspace}/{request.image}",
            principal=str(request.principal),
            token=str(self.position),
            effective_role=outcome.decision.role.word,
            paths=[],
            filters=[],
            would_allow=[],
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
