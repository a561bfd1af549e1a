"""May this identity do that? Decided from the replica while it is fresh enough, else by the authority (§3.3-§3.5).

There is no cache of decisions: every request is judged by the facts of now.
"""

from dataclasses import dataclass
from functools import partial
from typing import Final

from moorage.access import wire
from moorage.access.action import Action
from moorage.access.audit import Mode
from moorage.access.consistency import ORIGIN, ConsistencyToken
from moorage.access.image import Visibility
from moorage.access.principal import Identity, PrincipalKind
from moorage.access.problems import Problem, ServiceUnavailable
from moorage.access.reason import Reason
from moorage.access.staleness import Bounds, Ground, Tier, answers, ground
from moorage.gateway.denials import Denials
from moorage.gateway.enlistment import Enlistment
from moorage.gateway.everywhere import Everywhere
from moorage.gateway.follower import Follower
from moorage.gateway.metrics import AskingNumbers
from moorage.gateway.outcome import Outcome
from moorage.gateway.ports import Authority
from moorage.gateway.replica.facts import Workspace
from moorage.gateway.replica.gaps import WorkspaceNotLoaded
from moorage.gateway.shadow import Shadow
from moorage.oci.errors import Unavailable
from moorage.oci.reference import ImageName
from moorage.runtime.clock import Clock

NEW_NAMES_AGE_SECONDS: Final = 1.5
"""A gateway whose newest frame is older asks about every name it does not know: it may be new."""

NOT_LET_IN: Final = frozenset(
    {
        Reason.UNAUTHENTICATED,
        Reason.SCOPE,
        Reason.PRINCIPAL_INACTIVE,
        Reason.CREDENTIAL_REVOKED,
        Reason.CREDENTIAL_EXPIRED,
    }
)
"""Reasons that say something of who asks and nothing of the image: answered with 401 (§4)."""


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds that a request waits for the replica before somebody else is asked, or the answer goes out anyway.

    What was changed waits for the other gateways' replicas as well (`own_writes`).
    """

    load: float = 0.5
    catch_up: float = 0.5
    own_writes: float = 2.0
    insisted: float = 2.0


DEFAULT_PATIENCE: Final = Patience()


class Access:
    """The live check. Every method raises Unavailable where nobody who knows can be asked."""

    def __init__(
        self,
        follower: Follower,
        authority: Authority,
        clock: Clock,
        bounds: Bounds,
        patience: Patience = DEFAULT_PATIENCE,
        shadow: Shadow | None = None,
        enlistment: Enlistment | None = None,
        numbers: AskingNumbers | None = None,
    ) -> None:
        self._follower = follower
        self._authority = authority
        self._denials = Denials(clock)
        self._everywhere = Everywhere(authority, follower, patience.own_writes)
        self._patience = patience
        self._clock = clock
        self._bounds = bounds
        self._shadow = shadow
        self._enlistment = enlistment
        self._numbers = numbers or AskingNumbers()

    async def decide(
        self,
        identity: Identity,
        name: ImageName,
        action: Action,
        *,
        creates: bool = False,
        after: ConsistencyToken = ORIGIN,
        insists: bool = False,
    ) -> Outcome:
        """The decision now, at `after` or later. With `creates`, an allowed first push has made the record (§1.7).

        If the client `insists` on the position, it is waited for a little longer before the authority is asked (§3.6).
        """
        patience = self._patience.insisted if insists else self._patience.catch_up
        local = await self._local(identity, name, action, after, patience)
        if local is None:
            return await self._ask(identity, name, action, creates=creates)
        if self._shadow is not None:
            self._shadow.consider(identity, name, action, local)
        if local.allowed:
            begins_push = local.image is None and creates
            return await self._ask(identity, name, action, creates=True) if begins_push else local
        return await self._confirmed(identity, name, action, local, creates=creates)

    async def decide_at_head(self, identity: Identity, name: ImageName, action: Action) -> Outcome:
        """The authority's decision, for what changes content; if it is away a push may rest on fresh facts (§3.5)."""
        local = await self._local(identity, name, action, ORIGIN, 0, any_ground=True)
        fresh = local is not None and self._tier(self._workspace(name)) <= Tier.AGING
        try:
            if local and fresh and not local.allowed:
                return await self._confirm(identity, name, action, local, creates=False)
            return _veiled(await self._head(identity, name, action, creates=False), local, action)
        except ServiceUnavailable as error:
            away = error.members.get("reason") != Reason.AUTHORITY_STALE
            if away and local and fresh and action is Action.PUSH and (local.image or not local.allowed):
                self._numbers.fell_back(allowed=local.allowed)
                return local
            raise self._unavailable(error) from error

    def revoked(self, identity: Identity) -> Reason | None:
        """Why nothing more may be done with the identity, as far as is known here.

        Somebody of whom nothing is known yet is inactive too (E1): that counts only where nothing new can be missing.
        """
        replica = self._follower.replica
        reason = replica.revoked(identity) if replica else None
        return None if reason is Reason.PRINCIPAL_INACTIVE and not self._up_to_date else reason

    @property
    def _up_to_date(self) -> bool:
        enlisted = self._enlistment is None or self._enlistment.current
        return enlisted and self._follower.age <= NEW_NAMES_AGE_SECONDS

    def rests_on(self, decided: ConsistencyToken, wanted: ConsistencyToken, name: ImageName) -> bool:
        """Whether what was decided at one position holds for what was written at another.

        A position of an older epoch is passed once the workspace's sources have told again (§3.1).
        """
        return wanted == ORIGIN or (decided >= wanted and (decided.epoch == wanted.epoch or self._reconciled(name)))

    async def _local(
        self,
        identity: Identity,
        name: ImageName,
        action: Action,
        after: ConsistencyToken,
        patience: float,
        *,
        any_ground: bool = False,
    ) -> Outcome | None:
        """What the replica says; None if it can't, is too old for that, or the fleet does not know of us."""
        if self._enlistment is not None and not self._enlistment.current:
            return None
        await self._follower.awake(self._patience.insisted)
        if after > ORIGIN and not await self._follower.reached(after, patience):
            return None
        replica = self._follower.replica
        if replica is not None and not replica.whole:
            replica = self._follower.replica if await self._follower.whole(self._patience.load) else None
        if replica is None or (after > ORIGIN and not self.rests_on(replica.position, after, name)):
            return None
        workspace = replica.workspace(name.workspace)
        if workspace is None:
            outcome: Outcome | None = replica.unknown(identity, action, self._clock.now())
        else:
            outcome = await self._loaded(identity, workspace, name, action)
        if outcome is None or any_ground:
            return outcome
        return self._on_its_ground(identity, outcome, workspace, action)

    async def _loaded(
        self, identity: Identity, workspace: Workspace, name: ImageName, action: Action
    ) -> Outcome | None:
        for _ in range(2):
            replica = self._follower.replica
            there = replica.workspace(name.workspace) if replica else None
            if replica is None or there is None:
                return None
            try:
                return replica.decide(identity, there, name.image, action, self._clock.now())
            except WorkspaceNotLoaded:
                if not await self._follower.load(workspace, self._patience.load):
                    return None
        return None

    def _on_its_ground(
        self, identity: Identity, outcome: Outcome, workspace: Workspace | None, action: Action
    ) -> Outcome | None:
        """The outcome if the facts are fresh enough for it, marked if they are not and stale pulls are on."""
        known = outcome.allowed or outcome.decision.readable
        visibility = _ages_as(outcome.image.visibility, workspace) if outcome.image and known else Visibility.INHERIT
        tier = self._tier(workspace)
        if ground(action, visibility, tier, serve_stale=self._bounds.serve_stale) is Ground.AUTHORITY:
            return None
        if action is Action.PULL and not answers(action, visibility, tier):
            return outcome._replace(mode=Mode.STALE)
        # What is absent and what is hidden are asked about alike (V3).
        somebody = identity.principal.kind is not PrincipalKind.ANONYMOUS
        may_be_new = not known and (somebody or (workspace is not None and workspace.allow_public))
        return None if may_be_new and self._follower.age > NEW_NAMES_AGE_SECONDS else outcome

    def _workspace(self, name: ImageName) -> Workspace | None:
        replica = self._follower.replica
        return replica.workspace(name.workspace) if replica else None

    def _tier(self, workspace: Workspace | None) -> Tier:
        """The worst of the stream's age and the workspace's lanes, each by its own bounds (§3.1)."""
        return self._follower.heard.tier(self._follower.ages(workspace), self._bounds)

    def _reconciled(self, name: ImageName) -> bool:
        replica, workspace = self._follower.replica, self._workspace(name)
        return replica is not None and self._follower.heard.passed_bump(replica.moments(workspace))

    async def _confirmed(
        self, identity: Identity, name: ImageName, action: Action, local: Outcome, *, creates: bool
    ) -> Outcome:
        """The denial, unless the authority is there and knows better by now."""
        try:
            return await self._confirm(identity, name, action, local, creates=creates)
        except ServiceUnavailable:
            return local

    async def _confirm(
        self, identity: Identity, name: ImageName, action: Action, local: Outcome, *, creates: bool
    ) -> Outcome:
        """The denial, or the authority's allow. Anonymous denials are never confirmed. Raises ServiceUnavailable."""
        if identity.principal.kind is PrincipalKind.ANONYMOUS or not name.image:
            return local
        ask = partial(self._head, identity, name, action, creates=creates, confirms=True)
        outcome = await self._denials.confirm((identity, name, action, creates), ask)
        if outcome is not None:
            self._numbers.confirmed(allowed=outcome.allowed)
        if outcome is None or not outcome.allowed:
            return local
        if creates:
            await self._everywhere.reached(outcome.decision.token)
        return outcome

    async def _ask(self, identity: Identity, name: ImageName, action: Action, *, creates: bool) -> Outcome:
        try:
            outcome = await self._head(identity, name, action, creates=creates)
        except ServiceUnavailable as error:
            raise self._unavailable(error) from error
        if outcome.allowed and creates:
            await self._everywhere.reached(outcome.decision.token)
        return _veiled(outcome, None, action)

    async def _head(
        self, identity: Identity, name: ImageName, action: Action, *, creates: bool, confirms: bool = False
    ) -> Outcome:
        """The authority's decision; `creates` lets a first push make the record. Raises ServiceUnavailable."""
        body, began = wire.IdentityBody.of(identity), self._clock.monotonic()
        replica = self._follower.replica
        seen = str(replica.position) if replica else None
        try:
            if creates and name.image:
                first = wire.FirstPushRequest(identity=body, workspace=name.workspace, image=name.image, seen=seen)
                answer = await self._authority.first_push(first)
            else:
                check = wire.CheckRequest(
                    identity=body,
                    workspace=name.workspace,
                    image=name.image,
                    action=action,
                    confirms=confirms,
                    seen=seen,
                )
                answer = await self._authority.check(check)
        except ServiceUnavailable:
            raise
        except Problem as problem:
            raise ServiceUnavailable(f"the authority refused to judge: {problem.title}") from problem
        self._numbers.asked(self._clock.monotonic() - began)
        return Outcome(answer.decision(), answer.image, Mode.AUTHORITY)

    def _unavailable(self, error: ServiceUnavailable) -> Unavailable:
        reason = str(error.members.get("reason", Reason.NOT_READY))
        self._numbers.unavailable(reason if reason in {each.value for each in Reason} else Reason.NOT_READY)
        return _unavailable(error)


def _ages_as(visibility: Visibility, workspace: Workspace | None) -> Visibility:
    """A public image counts as one for its workspace where public ones are not allowed (§1.6)."""
    allowed = workspace is not None and workspace.allow_public
    return Visibility.WORKSPACE if visibility is Visibility.PUBLIC and not allowed else visibility


def _veiled(outcome: Outcome, local: Outcome | None, action: Action) -> Outcome:
    """A denied push where nothing may be known says what the replica says of absent names, or nothing (V3)."""
    if action is not Action.PUSH or outcome.allowed or outcome.decision.readable:
        return outcome
    if local and not local.allowed and not local.decision.readable:
        return local
    if outcome.decision.reason in NOT_LET_IN:
        return outcome
    return outcome._replace(decision=outcome.decision._replace(reason=Reason.NO_WRITE))


def _unavailable(error: ServiceUnavailable) -> Unavailable:
    reason = error.members.get("reason", Reason.NOT_READY)
    return Unavailable(
        "the registry can't verify your rights right now; try again in a few seconds", detail={"reason": str(reason)}
    )
