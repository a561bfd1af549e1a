"""One position of the authority's order, and everything that was true at it, for the workspaces in use.

A workspace is loaded while the stream goes on: its rows are put aside from the moment the snapshot is asked for, those
the snapshot already tells are dropped, and it is served once the whole replica has passed the snapshot's position, so
one seq describes everything that is served (authorization.md §2.6). What is read of a snapshot is a Part of its own:
nothing of it is here before it is put in place, as a reference.

A frame is taken in by slices, and others may be served, loaded or dropped in between: `seq` stays where it was, and
whatever the frame is about is not served before its end (moorage.gateway.replica.frame).
"""

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
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
from moorage.gateway.replica import absent
from moorage.gateway.replica import standing as standings
from moorage.gateway.replica.facts import SiteFacts, Workspace
from moorage.gateway.replica.frame import HalfFrame
from moorage.gateway.replica.gaps import GapInStream, NotServed, RowUnreadable, WorkspaceNotLoaded
from moorage.gateway.replica.lanes import Lanes
from moorage.gateway.replica.likeness import Verdicts, judged_of
from moorage.gateway.replica.part import Part
from moorage.gateway.replica.parts import Parts
from moorage.gateway.replica.slices import SLICE_COST, cost_of
from moorage.gateway.replica.standing import NOBODY
from moorage.gateway.replica.workspace_facts import WorkspaceFacts

MAX_FRAME_ROWS: Final = 10_000
"""A larger frame would withhold its workspaces too long: it is refused, and a snapshot tells what it told (R115)."""

_ANONYMOUS: Final = PrincipalKind.ANONYMOUS
_OK: Final = Reason.OK
_NO_READ: Final = Reason.NO_READ
_NO_ROLE: Final = Role.NONE
_LOCAL: Final = Mode.LOCAL


class Replica:
    """Facts at (`epoch`, `seq`). Changed only by whole frames and snapshots; not safe for threads, but for `read`."""

    def __init__(self, epoch: int, seq: int) -> None:
        self.epoch = epoch
        self.seq = seq
        self._lanes = Lanes()
        self._site = SiteFacts()
        self._parts = Parts()
        self._serving: Final = self._parts.served
        self._half: HalfFrame | None = None
        self._waiting: dict[int, tuple[int, deque[tuple[int, Row]]]] = {}
        self._unreadable: set[int] = set()
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
        replica._lanes.note(snapshot.as_of)
        return replica

    @property
    def as_of(self) -> dict[str, int]:
        """As of when each lane that was ever heard of has told what it knew, in milliseconds since 1970."""
        return self._lanes.as_of

    @property
    def loaded(self) -> frozenset[UUID]:
        """The workspaces whose facts are here, served or about to be."""
        return self._parts.ids

    @property
    def contents(self) -> Mapping[str, object]:
        """Everything that decisions rest on, by workspace, to be compared with what another replica holds."""
        site = self._site
        active = {alias for _, alias in site.users if site.active[alias]}
        people = {"users": dict(iter(site.users)), "active": active, "revoked": set(site.revoked)}
        parts = {str(part.facts.id): part.facts.contents for part in self._parts.all.values()}
        return {**people, "directory": dict(site.workspaces), **parts}

    @property
    def size(self) -> int:
        """Bytes that the facts take, roughly."""
        return self._site.size + sum(part.facts.size for part in self._parts.all.values())

    def apply(self, delta: Delta) -> None:
        """Takes a frame in without a pause; rows of workspaces that are not loaded are skipped. Raises GapInStream."""
        for _ in self.slices(delta):
            pass

    def slices(self, delta: Delta, cost: int = SLICE_COST) -> Iterator[None]:
        """The same, yielding whenever rows of that cost were applied; what was begun must be brought to its end.

        After RowUnreadable nothing of the replica may be served any more.
        """
        self._require_next(delta)
        self._half = HalfFrame(delta, self._parts, cost)
        try:
            yield from self._half.apply(self._take, self._take_site)
        except (KeyError, ValueError, IndexError) as error:
            raise RowUnreadable(f"a row between {delta.first} and {delta.last} can't be read") from error
        self._half = None
        self.seq = delta.last
        self.position = ConsistencyToken(self.epoch, self.seq)
        self._lanes.note(delta.as_of)
        self._parts.serve(self.seq)

    def _require_next(self, delta: Delta) -> None:
        if self._half is not None:
            raise RowUnreadable("the frame before was not brought to its end")
        if delta.epoch != self.epoch or delta.first != self.seq or delta.last - delta.first != len(delta.rows):
            raise GapInStream(f"at {self.position}, frame {delta.epoch}.{delta.first}-{delta.last}")
        if len(delta.rows) > MAX_FRAME_ROWS:
            raise GapInStream(f"a frame of {len(delta.rows)} rows; {MAX_FRAME_ROWS} are the most that are applied")

    def pass_on(self, beat: Beat) -> None:
        """Takes over what a beat says of the sources. Raises GapInStream if it is of another epoch."""
        if beat.epoch != self.epoch:
            raise GapInStream(f"at {self.position}, a beat of epoch {beat.epoch}")
        self._lanes.note(beat.as_of)

    def expect(self, workspace: UUID) -> ConsistencyToken:
        """From now on, puts the workspace's rows aside until `adopt` or `abandon`; where its snapshot must be at least.

        Of a frame that is half applied, some rows have gone by: a snapshot from its end on tells them all.
        Raises WorkspaceNotLoaded for a workspace that the directory doesn't have, GapInStream for one whose snapshot
        could not be read: the next one would not be better.
        """
        alias = self._alias(workspace)
        if alias in self._unreadable:
            raise GapInStream("an earlier snapshot of this workspace could not be read")
        at_least = self._half.last if self._half else self.seq
        self._waiting[alias] = (at_least, deque())
        return ConsistencyToken(self.epoch, at_least)

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
        """Applies rows put aside to what was read, up to a cost; whether none is left. Raises GapInStream."""
        alias = self._alias(workspace)
        if alias not in self._waiting:
            raise GapInStream("nobody expects this workspace any more")
        expected_at, rows = self._waiting[alias]
        if part.epoch != self.epoch or part.seq < expected_at:
            raise GapInStream(f"a snapshot at {part.epoch}.{part.seq} does not join {self.epoch}.{expected_at}")
        try:
            while rows and limit > 0:
                seq, row = rows.popleft()
                limit -= cost_of(row)
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
        self._parts.put(alias, part)
        if self._half is None:
            self._parts.serve(self.seq)
        self._lanes.load(alias, part.seq, part.as_of)

    def abandon(self, workspace: UUID) -> None:
        """Forgets that the workspace was expected."""
        self._waiting.pop(self._site.workspace_aliases.get(workspace.int, 0), None)

    def drop(self, workspace: UUID) -> None:
        """Forgets the workspace: it is not served from here until it is taken anew."""
        self._parts.drop(self._site.workspace_aliases.get(workspace.int, 0))

    def sum_at(self, workspace: UUID, position: ConsistencyToken) -> int | None:
        """The sum over what was held of the workspace at a position; None if that is not known (any more)."""
        part = self._parts.all.get(self._site.workspace_aliases.get(workspace.int, 0))
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
        return workspace.alias in self._parts.all

    def serves(self, workspace: Workspace) -> bool:
        """Whether the workspace may be decided from: the stream has passed its snapshot, and no half of a frame."""
        return workspace.alias in self._serving

    @property
    def whole(self) -> bool:
        """Whether something may be decided from somewhere: no frame about everybody is half applied."""
        return self._half is None or not self._half.withholds_all

    def caught_up(self) -> bool:
        """Whether every loaded workspace is served."""
        return not self._parts.withheld

    def workspace(self, slug: str) -> Workspace | None:
        """The workspace of this name, by the directory."""
        return self._site.workspaces.get(slug)

    def image(self, workspace: Workspace, name: str) -> ImageRecord | None:
        """The record that has the name now."""
        part = self._parts.all.get(workspace.alias)
        found = part.facts.images.get(name) if part else None
        return found.record if found else None

    def repository(self, workspace: Workspace, slug: str) -> UUID | None:
        """The live repository of this name."""
        part = self._parts.all.get(workspace.alias)
        return part.facts.id_of(part.facts.repository_named(slug).alias) if part else None

    def standing(self, identity: Identity, workspace: Workspace, repository: UUID) -> rules.Standing:
        """What facts say of the identity and a repository, by UUID. Raises WorkspaceNotLoaded."""
        facts = self._serving.get(workspace.alias)
        if facts is None:
            raise WorkspaceNotLoaded(workspace.id)
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
        moments = self._lanes.moments(alias)
        part = self._parts.all.get(alias)
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
        facts = self._serving.get(workspace.alias)
        if facts is None:
            raise WorkspaceNotLoaded(workspace.id)
        found = facts.images.get(name)
        if found is None:
            return self._denied(absent.reason(self._site, facts, identity, workspace, name, action, now))
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
        hidden = absent.reason(self._site, facts, identity, workspace, name, action, now)
        # Only creating reveals that a name is taken (§1.7).
        return self._denied(Reason.NO_WRITE if hidden is _OK else hidden, image)

    def unknown(self, identity: Identity, action: Action, now: datetime) -> Outcome:
        """The decision about an image in a workspace that does not exist, or about one that might as well not.

        Raises NotServed while a half of what the directory and people are said to be is applied.
        """
        if not self.whole:
            raise NotServed
        principal_active = standings.principal_active(self._site, identity)
        credential_active = standings.credential_active(self._site, identity)
        return self._denied(rules.unknown(action, identity, principal_active, credential_active, now))

    def _denied(self, reason: Reason, image: ImageRecord | None = None) -> Outcome:
        return outcome_of((decision_of((reason, _NO_ROLE, False, self.position)), image, _LOCAL))

    def _alias(self, workspace: UUID) -> int:
        alias = self._site.workspace_aliases.get(workspace.int)
        if alias is None:
            raise WorkspaceNotLoaded(workspace)
        return alias

    def _take(self, first: int, rows: Sequence[Row]) -> None:
        """Rows of a workspace, of the frame that is half applied."""
        workspace, half = rows[0][1], self._half
        part = self._parts.all.get(workspace)
        if part is not None and half is not None:
            if news := rows[max(part.seq - first, 0) :]:
                if part.changing_to != half.last:
                    part.changes(self.seq, half.last)
                    self._parts.withhold(workspace)
                part.facts.take(news)
        elif workspace in self._waiting:
            self._waiting[workspace][1].extend(enumerate(rows, first + 1))

    def _take_site(self, first: int, rows: Sequence[Row]) -> None:
        """Global rows."""
        self._site.take(rows)
        for seq, row in enumerate(rows, first + 1) if rows[0][0] == RowKind.WORKSPACE else ():
            if len(row) == 7 and "lanes" in row[6]:
                lanes = frozenset(row[6]["lanes"])
                self._lanes.feed(seq, row[2], lanes, loaded=row[2] in self._parts.all)
