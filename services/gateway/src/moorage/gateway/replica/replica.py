"""One position of the authority's order, and everything that was true at it, for the workspaces in use.

A workspace is loaded while the stream goes on: its rows are put aside from the moment the snapshot is asked for, those
the snapshot already tells are dropped, and it is served once the whole replica has passed the snapshot's position, so
one seq describes everything that is served (authorization.md §2.6).
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from uuid import UUID

from moorage.access import rules
from moorage.access.action import Action
from moorage.access.consistency import ConsistencyToken
from moorage.access.decision import Decision
from moorage.access.frames import Beat, Delta, Row, RowKind, Snapshot
from moorage.access.image import ImageRecord
from moorage.access.principal import Identity, PrincipalKind
from moorage.access.reason import Reason
from moorage.access.role import Role
from moorage.gateway.outcome import Outcome
from moorage.gateway.replica import standing as standings
from moorage.gateway.replica.facts import Facts, HeldImage, Workspace


class GapInStream(Exception):
    """A frame does not begin where the last one ended, and the replica must be taken anew."""


class RowUnreadable(GapInStream):
    """A row breaks the contract: what was applied of its frame may not be served."""


class WorkspaceNotLoaded(Exception):
    """The workspace's facts are not here (yet); `workspace` says which one."""

    def __init__(self, workspace: UUID) -> None:
        super().__init__(str(workspace))
        self.workspace = workspace


class Replica:
    """Facts at (`epoch`, `seq`). Changed only by whole frames and snapshots; not safe for threads."""

    def __init__(self, epoch: int, seq: int) -> None:
        self.epoch = epoch
        self.seq = seq
        self.as_of: dict[str, int] = {}
        self._facts = Facts()
        self._since: dict[int, int] = {}
        self._waiting: dict[int, tuple[int, list[tuple[int, Row]]]] = {}
        self._unreadable: set[int] = set()
        self._lanes: dict[int, frozenset[str]] = {0: frozenset()}

    @classmethod
    def load(cls, snapshot: Snapshot) -> "Replica":
        """A replica of the global part, without any workspace. Raises GapInStream if the snapshot is unreadable."""
        replica = cls(snapshot.epoch, snapshot.seq)
        replica._take_all(snapshot.rows)
        replica._note(snapshot.as_of)
        return replica

    @property
    def position(self) -> ConsistencyToken:
        """Where the replica stands, as clients and content carry it."""
        return ConsistencyToken(self.epoch, self.seq)

    @property
    def loaded(self) -> frozenset[UUID]:
        """The workspaces whose facts are here, served or about to be."""
        return frozenset(self._facts.uuids[alias] for alias in self._since)

    def apply(self, delta: Delta) -> None:
        """Takes a frame in as a whole; rows of workspaces that are not loaded are skipped. Raises GapInStream."""
        if delta.epoch != self.epoch or delta.first != self.seq or delta.last - delta.first != len(delta.rows):
            raise GapInStream(f"at {self.position}, frame {delta.epoch}.{delta.first}-{delta.last}")
        try:
            for seq, row in enumerate(delta.rows, delta.first + 1):
                self._take(seq, row)
        except (KeyError, ValueError, IndexError) as error:
            raise RowUnreadable(f"a row between {delta.first} and {delta.last} can't be read") from error
        self.seq = delta.last
        self._note(delta.as_of)

    def pass_on(self, beat: Beat) -> None:
        """Takes over what a beat says of the sources. Raises GapInStream if it is of another epoch."""
        if beat.epoch != self.epoch:
            raise GapInStream(f"at {self.position}, a beat of epoch {beat.epoch}")
        self._note(beat.as_of)

    def expect(self, workspace: UUID) -> None:
        """From now on, puts the workspace's rows aside until `adopt` or `abandon`.

        Raises WorkspaceNotLoaded for a workspace that the directory doesn't have, GapInStream for one whose snapshot
        could not be read: what was applied of it can't be told from what is true.
        """
        alias = self._alias(workspace)
        if alias in self._unreadable:
            raise GapInStream("an earlier snapshot of this workspace could not be read")
        self._waiting[alias] = (self.seq, [])

    def adopt(self, workspace: UUID, snapshot: Snapshot) -> None:
        """Takes in a snapshot that was asked for after `expect`. Raises GapInStream if it does not fit."""
        alias = self._alias(workspace)
        expected_at, rows = self._waiting.pop(alias)
        if snapshot.epoch != self.epoch or snapshot.seq < expected_at:
            raise GapInStream(f"a snapshot at {snapshot.epoch}.{snapshot.seq} does not join {self.epoch}.{expected_at}")
        self._unreadable.add(alias)
        self._take_all(row for row in snapshot.rows if row[1] == alias or (row[0] == RowKind.INTERN and row[1] == 0))
        self._take_all(row for seq, row in rows if seq > snapshot.seq)
        self._unreadable.discard(alias)
        self._since[alias] = snapshot.seq
        self._lanes[alias] = frozenset(snapshot.as_of)
        for lane, moment in snapshot.as_of.items():
            self.as_of[lane] = max(moment, self.as_of.get(lane, 0))

    def abandon(self, workspace: UUID) -> None:
        """Forgets that the workspace was expected."""
        self._waiting.pop(self._facts.alias(workspace), None)

    def holds(self, workspace: Workspace) -> bool:
        """Whether the workspace is loaded, served already or not."""
        return workspace.alias in self._since

    def serves(self, workspace: Workspace) -> bool:
        """Whether the workspace is loaded and the stream has passed its snapshot."""
        since = self._since.get(workspace.alias)
        return since is not None and self.seq >= since

    def caught_up(self) -> bool:
        """Whether every loaded workspace is served."""
        return all(self.seq >= since for since in self._since.values())

    def workspace(self, slug: str) -> Workspace | None:
        """The workspace of this name, by the directory."""
        return self._facts.workspaces.get(slug)

    def image(self, workspace: Workspace, name: str) -> ImageRecord | None:
        """The record that has the name now."""
        held = self._facts.images.get((workspace.alias, name))
        return held.record if held else None

    def repository(self, workspace: Workspace, slug: str) -> UUID | None:
        """The live repository of this name."""
        return self._facts.uuids.get(self._facts.repository_named(workspace.alias, slug))

    def standing(self, identity: Identity, workspace: Workspace, repository: UUID) -> rules.Standing:
        """What facts say of the identity and a repository, by UUID."""
        return standings.standing(self._facts, identity, workspace, self._facts.alias(repository, workspace.alias))

    def revoked(self, identity: Identity) -> Reason | None:
        """Why nothing more may be done with this identity, if a fact says so."""
        if not standings.principal_active(self._facts, identity):
            return Reason.PRINCIPAL_INACTIVE
        return None if standings.credential_active(self._facts, identity) else Reason.CREDENTIAL_REVOKED

    def oldest_as_of(self, workspace: Workspace | None) -> int | None:
        """The oldest of the workspace's lanes and its pin, in milliseconds since 1970; None with neither."""
        alias = workspace.alias if workspace else 0
        lanes = self._lanes[0] | self._lanes.get(alias, frozenset())
        moments = [self.as_of[lane] for lane in lanes if lane in self.as_of]
        if alias in self._facts.pins:
            moments.append(self._facts.pins[alias])
        return min(moments, default=None)

    def decide(self, identity: Identity, workspace: Workspace, name: str, action: Action, now: datetime) -> Outcome:
        """The rules' decision about the image called `name`; for a push also to a name without a record.

        An allowed push without an image is a first push that the authority would let create the record (§1.7).
        Without pull, absent and hidden get the same decision (V3). Raises WorkspaceNotLoaded.
        """
        if identity.principal.kind is PrincipalKind.ANONYMOUS and not workspace.allow_public:
            return self._denied(Reason.UNAUTHENTICATED)
        if not self.serves(workspace):
            raise WorkspaceNotLoaded(workspace.id)
        held = self._facts.images.get((workspace.alias, name))
        if held is None:
            return self._without_record(identity, workspace, name, action, now)
        outcome = self._of_image(identity, workspace, held, action, now)
        if outcome.decision.readable or outcome.allowed:
            return outcome
        hidden = self._without_record(identity, workspace, name, action, now).decision.reason
        # Only creating reveals that a name is taken (§1.7).
        return self._denied(Reason.NO_WRITE if hidden is Reason.OK else hidden, held.record)

    def unknown(self, identity: Identity, action: Action, now: datetime) -> Outcome:
        """The decision about an image in a workspace that does not exist, or about one that might as well not."""
        principal_active = standings.principal_active(self._facts, identity)
        credential_active = standings.credential_active(self._facts, identity)
        return self._denied(rules.unknown(action, identity, principal_active, credential_active, now))

    def _of_image(
        self, identity: Identity, workspace: Workspace, held: HeldImage, action: Action, now: datetime
    ) -> Outcome:
        facts = standings.standing(self._facts, identity, workspace, held.repository, held.record.id)
        verdict = rules.decide(action, identity, facts, held.record, now)
        return Outcome(Decision(verdict.reason, verdict.role, verdict.readable, self.position), held.record)

    def _without_record(
        self, identity: Identity, workspace: Workspace, name: str, action: Action, now: datetime
    ) -> Outcome:
        if action is not Action.PUSH or self.revoked(identity):
            return self.unknown(identity, action, now)
        repository = self._pushed_to(identity, workspace, name)
        facts = standings.standing(self._facts, identity, workspace, repository) if repository else None
        member = standings.membership(self._facts, identity, workspace)
        return self._denied(rules.first_push(identity, member, facts, now))

    def _pushed_to(self, identity: Identity, workspace: Workspace, name: str) -> int:
        """The repository that a first push to `name` would link to: the pipeline's own, or the one the name says."""
        if identity.principal.kind is not PrincipalKind.PIPELINE:
            return self._facts.repository_named(workspace.alias, name.partition("/")[0])
        return self._facts.alias(identity.principal.id, workspace.alias)

    def _note(self, as_of: Mapping[str, int]) -> None:
        """What the lanes say; those of the identity topic (`i…`) count for everybody from when they are first heard."""
        self.as_of.update(as_of)
        self._lanes[0] |= {lane for lane in as_of if lane.startswith("i")}

    def _denied(self, reason: Reason, image: ImageRecord | None = None) -> Outcome:
        return Outcome(Decision(reason, Role.NONE, False, self.position), image)

    def _alias(self, workspace: UUID) -> int:
        alias = self._facts.alias(workspace)
        if not alias:
            raise WorkspaceNotLoaded(workspace)
        return alias

    def _take(self, seq: int, row: Row) -> None:
        workspace = row[1]
        if workspace == 0:
            self._facts.apply(row)
        elif (since := self._since.get(workspace)) is not None:
            if seq > since:
                self._facts.apply(row)
        elif workspace in self._waiting:
            self._waiting[workspace][1].append((seq, row))

    def _take_all(self, rows: Iterable[Row]) -> None:
        try:
            for row in rows:
                self._facts.apply(row)
        except (KeyError, ValueError, IndexError) as error:
            raise RowUnreadable("a row of a snapshot can't be read") from error
