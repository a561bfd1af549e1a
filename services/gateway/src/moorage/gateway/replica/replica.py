"""One position of the authority's order, and everything that was true at it, for the workspaces in use.

A workspace is loaded while the stream goes on: its rows are put aside from the moment the snapshot is asked for, those
the snapshot already tells are dropped, and it is served once the whole replica has passed the snapshot's position, so
one seq describes everything that is served (authorization.md §2.6). What is read of a snapshot is a Part of its own:
nothing of it is here before it is put in place, as a reference.
"""

from collections import deque
from collections.abc import Mapping
from datetime import datetime
from typing import Final
from uuid import UUID

from moorage.access import rules
from moorage.access.action import Action
from moorage.access.audit import Mode
from moorage.access.consistency import ConsistencyToken
from moorage.access.decision import decision_of
from moorage.access.frames import Beat, Delta, Row, RowKind, Snapshot
from moorage.access.image import ImageRecord
from moorage.access.packed import Packed
from moorage.access.principal import Identity, PrincipalKind
from moorage.access.reason import Reason
from moorage.access.role import Role
from moorage.gateway.outcome import Outcome, outcome_of
from moorage.gateway.replica import standing as standings
from moorage.gateway.replica.facts import SiteFacts, Workspace
from moorage.gateway.replica.gaps import GapInStream, RowUnreadable, WorkspaceNotLoaded
from moorage.gateway.replica.likeness import Verdicts, judged_of
from moorage.gateway.replica.part import Part
from moorage.gateway.replica.standing import NOBODY
from moorage.gateway.replica.workspace_facts import WorkspaceFacts

MAX_FRAME_ROWS: Final = 10_000
"""A larger frame would stall whoever serves requests: it is refused, and a snapshot tells what it told (R115)."""

_ANONYMOUS: Final = PrincipalKind.ANONYMOUS
_OK: Final = Reason.OK
_NO_READ: Final = Reason.NO_READ
_PUSH: Final = Action.PUSH
_NO_ROLE: Final = Role.NONE
_LOCAL: Final = Mode.LOCAL


class Replica:
    """Facts at (`epoch`, `seq`). Changed only by whole frames and snapshots; not safe for threads, but for `read`."""

    def __init__(self, epoch: int, seq: int) -> None:
        self.epoch = epoch
        self.seq = seq
        self.as_of: dict[str, int] = {}
        self._site = SiteFacts()
        self._parts: dict[int, Part] = {}
        self._waiting: dict[int, tuple[int, deque[tuple[int, Row]]]] = {}
        self._unreadable: set[int] = set()
        self._lanes: dict[int, frozenset[str]] = {0: frozenset()}
        self._told_lanes: dict[int, tuple[int, frozenset[str]]] = {}
        self._verdicts = Verdicts()
        self.position = ConsistencyToken(epoch, seq)
        """Where the replica stands, as clients and content carry it."""

    @classmethod
    def load(cls, snapshot: Snapshot | Packed) -> "Replica":
        """A replica of the global part, without any workspace. Raises GapInStream if the snapshot is unreadable."""
        replica = cls(snapshot.epoch, snapshot.seq)
        try:
            replica._site = SiteFacts.of(snapshot)
        except (KeyError, ValueError, IndexError) as error:
            raise RowUnreadable("a row of a snapshot can't be read") from error
        replica._note(snapshot.as_of)
        return replica

    @property
    def loaded(self) -> frozenset[UUID]:
        """The workspaces whose facts are here, served or about to be."""
        return frozenset(part.facts.id for part in self._parts.values())

    @property
    def contents(self) -> Mapping[str, object]:
        """Everything that decisions rest on, by workspace, to be compared with what another replica holds."""
        site = self._site
        active = {alias for alias in site.users.values() if site.active[alias]}
        people = {"users": dict(site.users), "active": active, "revoked": set(site.revoked)}
        parts = {str(part.facts.id): part.facts.contents for part in self._parts.values()}
        return {**people, "directory": dict(site.workspaces), **parts}

    @property
    def size(self) -> int:
        """Bytes that the facts take, roughly."""
        return self._site.size + sum(part.facts.size for part in self._parts.values())

    def apply(self, delta: Delta) -> None:
        """Takes a frame in as a whole; rows of workspaces that are not loaded are skipped. Raises GapInStream."""
        if delta.epoch != self.epoch or delta.first != self.seq or delta.last - delta.first != len(delta.rows):
            raise GapInStream(f"at {self.position}, frame {delta.epoch}.{delta.first}-{delta.last}")
        if len(delta.rows) > MAX_FRAME_ROWS:
            raise GapInStream(f"a frame of {len(delta.rows)} rows; {MAX_FRAME_ROWS} are the most that are applied")
        try:
            for seq, row in enumerate(delta.rows, delta.first + 1):
                self._take(seq, row, delta)
        except (KeyError, ValueError, IndexError) as error:
            raise RowUnreadable(f"a row between {delta.first} and {delta.last} can't be read") from error
        self.seq = delta.last
        self.position = ConsistencyToken(self.epoch, self.seq)
        self._note(delta.as_of)

    def pass_on(self, beat: Beat) -> None:
        """Takes over what a beat says of the sources. Raises GapInStream if it is of another epoch."""
        if beat.epoch != self.epoch:
            raise GapInStream(f"at {self.position}, a beat of epoch {beat.epoch}")
        self._note(beat.as_of)

    def expect(self, workspace: UUID) -> None:
        """From now on, puts the workspace's rows aside until `adopt` or `abandon`.

        Raises WorkspaceNotLoaded for a workspace that the directory doesn't have, GapInStream for one whose snapshot
        could not be read: the next one would not be better.
        """
        alias = self._alias(workspace)
        if alias in self._unreadable:
            raise GapInStream("an earlier snapshot of this workspace could not be read")
        self._waiting[alias] = (self.seq, deque())

    def read(self, workspace: UUID, snapshot: Snapshot | Packed) -> Part:
        """A snapshot, read but not in place: slow, and fit for another thread. Raises GapInStream if it is bad."""
        alias = self._alias(workspace)
        try:
            facts = WorkspaceFacts.of(alias, workspace, snapshot)
        except (KeyError, ValueError, IndexError) as error:
            self._unreadable.add(alias)
            raise RowUnreadable("a row of a snapshot can't be read") from error
        return Part(facts, snapshot.epoch, snapshot.seq, snapshot.as_of)

    def catch_up(self, workspace: UUID, part: Part, limit: int) -> bool:
        """Applies at most `limit` of the rows put aside to what was read; whether none is left. Raises GapInStream."""
        alias = self._alias(workspace)
        if alias not in self._waiting:
            raise GapInStream("nobody expects this workspace any more")
        expected_at, rows = self._waiting[alias]
        if part.epoch != self.epoch or part.seq < expected_at:
            raise GapInStream(f"a snapshot at {part.epoch}.{part.seq} does not join {self.epoch}.{expected_at}")
        try:
            for _ in range(min(limit, len(rows))):
                seq, row = rows.popleft()
                if seq > part.seq:
                    part.changes(seq - 1, seq)
                    part.facts.apply(row)
        except (KeyError, ValueError, IndexError) as error:
            self._unreadable.add(alias)
            raise RowUnreadable("a row put aside can't be read") from error
        return not rows

    def adopt(self, workspace: UUID, told: Snapshot | Packed | Part) -> None:
        """Puts a snapshot that was asked for after `expect` in place. Raises GapInStream if it does not fit."""
        part = told if isinstance(told, Part) else self.read(workspace, told)
        while not self.catch_up(workspace, part, MAX_FRAME_ROWS):
            pass
        alias = self._alias(workspace)
        del self._waiting[alias]
        self._parts[alias] = part
        told_at, lanes = self._told_lanes.get(alias, (0, frozenset[str]()))
        self._lanes[alias] = lanes if told_at > part.seq else frozenset(part.as_of)
        for lane, moment in part.as_of.items():
            self.as_of[lane] = max(moment, self.as_of.get(lane, 0))

    def abandon(self, workspace: UUID) -> None:
        """Forgets that the workspace was expected."""
        self._waiting.pop(self._site.workspace_aliases.get(workspace.int, 0), None)

    def drop(self, workspace: UUID) -> None:
        """Forgets the workspace: it is not served from here until it is taken anew."""
        self._parts.pop(self._site.workspace_aliases.get(workspace.int, 0), None)

    def sum_at(self, workspace: UUID, position: ConsistencyToken) -> int | None:
        """The sum over what was held of the workspace at a position; None if that is not known (any more)."""
        part = self._parts.get(self._site.workspace_aliases.get(workspace.int, 0))
        if part is None or position.epoch != self.epoch:
            return None
        return part.sum_at(position.seq, self.seq)

    def directory(self) -> list[Workspace]:
        """Every workspace that has been announced, in the order in which they were."""
        return sorted(self._site.directory.values(), key=lambda each: each.alias)

    @property
    def allows_public(self) -> bool:
        """Whether any workspace allows public images."""
        return any(each.allow_public for each in self._site.directory.values())

    def holds(self, workspace: Workspace) -> bool:
        """Whether the workspace is loaded, served already or not."""
        return workspace.alias in self._parts

    def serves(self, workspace: Workspace) -> bool:
        """Whether the workspace is loaded and the stream has passed its snapshot."""
        part = self._parts.get(workspace.alias)
        return part is not None and self.seq >= part.seq

    def caught_up(self) -> bool:
        """Whether every loaded workspace is served."""
        return all(self.seq >= part.seq for part in self._parts.values())

    def workspace(self, slug: str) -> Workspace | None:
        """The workspace of this name, by the directory."""
        return self._site.workspaces.get(slug)

    def image(self, workspace: Workspace, name: str) -> ImageRecord | None:
        """The record that has the name now."""
        part = self._parts.get(workspace.alias)
        found = part.facts.images.get(name) if part else None
        return found.record if found else None

    def repository(self, workspace: Workspace, slug: str) -> UUID | None:
        """The live repository of this name."""
        part = self._parts.get(workspace.alias)
        return part.facts.id_of(part.facts.repository_named(slug).alias) if part else None

    def standing(self, identity: Identity, workspace: Workspace, repository: UUID) -> rules.Standing:
        """What facts say of the identity and a repository, by UUID. Raises WorkspaceNotLoaded."""
        facts = self._served(workspace)
        return standings.standing(self._site, facts, identity, workspace, facts.repository(repository))

    def revoked(self, identity: Identity) -> Reason | None:
        """Why nothing more may be done with this identity, if a fact says so."""
        if not standings.principal_active(self._site, identity):
            return Reason.PRINCIPAL_INACTIVE
        return None if standings.credential_active(self._site, identity) else Reason.CREDENTIAL_REVOKED

    def oldest_as_of(self, workspace: Workspace | None) -> int | None:
        """The oldest of the workspace's lanes and its pin, in milliseconds since 1970; None with neither."""
        return min(self.moments(workspace).values(), default=None)

    def moments(self, workspace: Workspace | None) -> dict[str, int]:
        """As of when each lane of the workspace has told what it knew, and the pin as `pin`; ms since 1970."""
        alias = workspace.alias if workspace else 0
        lanes = self._lanes[0] | self._lanes.get(alias, frozenset())
        moments = {lane: self.as_of.get(lane, 0) for lane in lanes}
        part = self._parts.get(alias)
        if part is not None and part.facts.pin is not None:
            moments["pin"] = part.facts.pin
        return moments

    def decide(self, identity: Identity, workspace: Workspace, name: str, action: Action, now: datetime) -> Outcome:
        """The rules' decision about the image called `name`; for a push also to a name without a record.

        An allowed push without an image is a first push that the authority would let create the record (§1.7).
        Without pull, absent and hidden get the same decision (V3). Raises WorkspaceNotLoaded.
        """
        if identity.principal.kind is _ANONYMOUS and not workspace.allow_public:
            return self._denied(Reason.UNAUTHENTICATED)
        part = self._parts.get(workspace.alias)
        if part is None or self.seq < part.seq:
            raise WorkspaceNotLoaded(workspace.id)
        facts = part.facts
        found = facts.images.get(name)
        if found is None:
            return self._denied(self._hidden(facts, identity, workspace, name, action, now))
        image, repository, likeness = found
        reach = repository.reach or facts.reach(repository)
        told = standings.of_person(self._site, facts, identity, reach, now) if likeness else NOBODY
        case = (identity.scopes, action.place, likeness, workspace.likeness, reach.place, told)
        judged = self._verdicts.get(case) if told is not NOBODY else None
        if judged is None:
            standing = standings.standing(self._site, facts, identity, workspace, repository, image.id)
            verdict = rules.decide(action, identity, standing, image, now)
            judged = judged_of(verdict) if told is NOBODY else self._verdicts.keep(case, verdict)
        reason, role, readable = judged
        if readable or reason is _OK:
            return outcome_of((decision_of((reason, role, readable, self.position)), image, _LOCAL))
        if reason is _NO_READ:
            return self._denied(_NO_READ, image)
        hidden = self._hidden(facts, identity, workspace, name, action, now)
        # Only creating reveals that a name is taken (§1.7).
        return self._denied(Reason.NO_WRITE if hidden is _OK else hidden, image)

    def unknown(self, identity: Identity, action: Action, now: datetime) -> Outcome:
        """The decision about an image in a workspace that does not exist, or about one that might as well not."""
        principal_active = standings.principal_active(self._site, identity)
        credential_active = standings.credential_active(self._site, identity)
        return self._denied(rules.unknown(action, identity, principal_active, credential_active, now))

    def _hidden(
        self,
        facts: WorkspaceFacts,
        identity: Identity,
        workspace: Workspace,
        name: str,
        action: Action,
        now: datetime,
    ) -> Reason:
        """Why the action fails where no record is; ok for a first push that would make one."""
        active = standings.principal_active(self._site, identity)
        shown = standings.credential_active(self._site, identity)
        if action is not _PUSH or not active or not shown:
            return rules.unknown(action, identity, active, shown, now)
        repository = standings.pushed_to(facts, identity, name)
        if not repository.alias:
            return rules.first_push(identity, standings.membership(self._site, facts, identity), now)
        standing = standings.standing(self._site, facts, identity, workspace, repository)
        return rules.first_push(identity, standing, now)

    def _served(self, workspace: Workspace) -> WorkspaceFacts:
        part = self._parts.get(workspace.alias)
        if part is None or self.seq < part.seq:
            raise WorkspaceNotLoaded(workspace.id)
        return part.facts

    def _note(self, as_of: Mapping[str, int]) -> None:
        """What the lanes say; those of the identity topic (`i…`) count for everybody from when they are first heard."""
        self.as_of.update(as_of)
        self._lanes[0] |= {lane for lane in as_of if lane.startswith("i")}

    def _feed(self, seq: int, workspace: int, lanes: frozenset[str]) -> None:
        """A workspace's facts arrive by these lanes from now on; one that was never heard has told nothing."""
        self._told_lanes[workspace] = (seq, lanes)
        if workspace in self._parts:
            self._lanes[workspace] = lanes

    def _denied(self, reason: Reason, image: ImageRecord | None = None) -> Outcome:
        return outcome_of((decision_of((reason, _NO_ROLE, False, self.position)), image, _LOCAL))

    def _alias(self, workspace: UUID) -> int:
        alias = self._site.workspace_aliases.get(workspace.int)
        if alias is None:
            raise WorkspaceNotLoaded(workspace)
        return alias

    def _take(self, seq: int, row: Row, delta: Delta) -> None:
        workspace = row[1]
        if workspace == 0:
            self._site.apply(row)
            if row[0] == RowKind.WORKSPACE and len(row) == 7 and "lanes" in row[6]:
                self._feed(seq, row[2], frozenset(row[6]["lanes"]))
        elif (part := self._parts.get(workspace)) is not None:
            if seq > part.seq:
                part.changes(delta.first, delta.last)
                part.facts.apply(row)
        elif workspace in self._waiting:
            self._waiting[workspace][1].append((seq, row))
