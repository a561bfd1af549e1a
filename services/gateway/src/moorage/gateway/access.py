"""May this identity do that? Decided from the replica while it is fresh enough, else by the authority (§3.3-§3.5).

There is no cache of decisions: every request is judged by the facts of now.
"""

from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from moorage.access import wire
from moorage.access.action import Action
from moorage.access.consistency import ORIGIN, ConsistencyToken
from moorage.access.image import Visibility
from moorage.access.principal import Identity, PrincipalKind
from moorage.access.problems import Problem, ServiceUnavailable
from moorage.access.reason import Reason
from moorage.gateway.consistency import Bounds, Ground, Tier, ground
from moorage.gateway.denials import Denials
from moorage.gateway.follower import Follower
from moorage.gateway.outcome import Outcome
from moorage.gateway.ports import Authority
from moorage.gateway.replica.facts import Workspace
from moorage.gateway.replica.replica import WorkspaceNotLoaded
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
    """Seconds that a request waits for the replica before somebody else is asked, or the answer goes out anyway."""

    load: float = 0.5
    catch_up: float = 0.5
    own_writes: float = 2.0


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
    ) -> None:
        self._follower = follower
        self._authority = authority
        self._denials = Denials(clock)
        self._patience = patience
        self._clock = clock
        self._bounds = bounds

    async def decide(
        self,
        identity: Identity,
        name: ImageName,
        action: Action,
        *,
        creates: bool = False,
        after: ConsistencyToken = ORIGIN,
    ) -> Outcome:
        """The decision now, at `after` or later. With `creates`, an allowed first push has made the record (§1.7)."""
        local = await self._local(identity, name, action, after)
        if local is None:
            return await self._ask(identity, name, action, creates=creates)
        if local.allowed:
            begins_push = local.image is None and creates
            return await self._ask(identity, name, action, creates=True) if begins_push else local
        return await self._confirmed(identity, name, action, local, creates=creates)

    async def decide_at_head(self, identity: Identity, name: ImageName, action: Action) -> Outcome:
        """The authority's decision, for what changes content; if it is away a push may rest on fresh facts (§3.5)."""
        local = await self._local(identity, name, action, ORIGIN, any_ground=True)
        fresh = local is not None and self._tier(name) <= Tier.AGING
        try:
            if local and fresh and not local.allowed:
                return await self._confirm(identity, name, action, local, creates=False)
            return _veiled(await self._head(identity, name, action, creates=False), local, action)
        except ServiceUnavailable as error:
            if local and fresh and action is Action.PUSH and (local.image or not local.allowed):
                return local
            raise _unavailable(error) from error

    def revoked(self, identity: Identity) -> Reason | None:
        """Why nothing more may be done with the identity, as far as is known here."""
        replica = self._follower.replica
        return replica.revoked(identity) if replica else None

    async def _local(
        self, identity: Identity, name: ImageName, action: Action, after: ConsistencyToken, *, any_ground: bool = False
    ) -> Outcome | None:
        """What the replica says; None if it can't, or is too old for that."""
        if after > ORIGIN and not await self._follower.reached(after, self._patience.catch_up):
            return None
        replica = self._follower.replica
        if replica is None:
            return None
        workspace = replica.workspace(name.workspace)
        if workspace is None:
            outcome: Outcome | None = replica.unknown(identity, action, self._clock.now())
        else:
            outcome = await self._loaded(identity, workspace, name, action)
        if outcome is None or any_ground or self._fresh(identity, outcome, workspace, action):
            return outcome
        return None

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

    def _fresh(self, identity: Identity, outcome: Outcome, workspace: Workspace | None, action: Action) -> bool:
        tier = self._bounds.tier(self._follower.staleness(workspace))
        visibility = outcome.image.visibility if outcome.image else Visibility.INHERIT
        if ground(action, visibility, tier, serve_stale=self._bounds.serve_stale) is Ground.AUTHORITY:
            return False
        somebody = identity.principal.kind is not PrincipalKind.ANONYMOUS
        new_name = outcome.image is None and (somebody or (workspace is not None and workspace.allow_public))
        return not new_name or self._follower.age <= NEW_NAMES_AGE_SECONDS

    def _tier(self, name: ImageName) -> Tier:
        replica = self._follower.replica
        workspace = replica.workspace(name.workspace) if replica else None
        return self._bounds.tier(self._follower.staleness(workspace))

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
        ask = partial(self._head, identity, name, action, creates=creates)
        outcome = await self._denials.confirm((identity, name, action, creates), ask)
        if outcome is None or not outcome.allowed:
            return local
        if creates:
            await self._follower.reached(outcome.decision.token, self._patience.own_writes)
        return outcome

    async def _ask(self, identity: Identity, name: ImageName, action: Action, *, creates: bool) -> Outcome:
        try:
            outcome = await self._head(identity, name, action, creates=creates)
        except ServiceUnavailable as error:
            raise _unavailable(error) from error
        if outcome.allowed and creates:
            await self._follower.reached(outcome.decision.token, self._patience.own_writes)
        return _veiled(outcome, None, action)

    async def _head(self, identity: Identity, name: ImageName, action: Action, *, creates: bool) -> Outcome:
        """The authority's decision; `creates` lets a first push make the record. Raises ServiceUnavailable."""
        body = wire.IdentityBody.of(identity)
        try:
            if creates and name.image:
                first = wire.FirstPushRequest(identity=body, workspace=name.workspace, image=name.image)
                answer = await self._authority.first_push(first)
            else:
                check = wire.CheckRequest(identity=body, workspace=name.workspace, image=name.image, action=action)
                answer = await self._authority.check(check)
        except ServiceUnavailable:
            raise
        except Problem as problem:
            raise ServiceUnavailable(f"the authority refused to judge: {problem.title}") from problem
        return Outcome(answer.decision(), answer.image)


def _veiled(outcome: Outcome, local: Outcome | None, action: Action) -> Outcome:
    """A denied push where nothing may be known says what the replica says of absent names, or nothing (V3)."""
    if action is not Action.PUSH or outcome.allowed or outcome.decision.readable:
        return outcome
    if local and not local.allowed and not local.decision.readable:
        return local
    if outcome.decision.reason in NOT_LET_IN:
        return outcome
    return replace(outcome, decision=replace(outcome.decision, reason=Reason.NO_WRITE))


def _unavailable(error: ServiceUnavailable) -> Unavailable:
    reason = error.members.get("reason", Reason.NOT_READY)
    return Unavailable(
        "the registry can't verify your rights right now; try again in a few seconds", detail={"reason": str(reason)}
    )
