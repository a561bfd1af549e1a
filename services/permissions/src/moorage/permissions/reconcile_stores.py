"""What reconciling with sources keeps in the ledger; parts of the change that is open (moorage.permissions.ports)."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum, StrEnum
from typing import NamedTuple, Protocol
from uuid import UUID

from moorage.events.decoding import Fact
from moorage.permissions.slots import Slot, Table
from moorage.permissions.versions import Held


@dataclass(frozen=True, slots=True)
class Holding:
    """Who is the authority for one kind of fact in a workspace, and what is held of it.

    Facts with versions up to `floor` are settled by a snapshot; `high` is the highest version applied. `facts` and
    `checksum` are those of moorage.events.checksums, of the facts that came since they are kept unless all are
    `counted`.
    """

    source: int
    floor: int = -1
    high: int = -1
    facts: int = 0
    checksum: int = 0
    counted: bool = True


@dataclass(frozen=True, slots=True)
class Counted:
    """By how much a batch changes what is held; `high` is the highest version in it."""

    facts: int
    checksum: int
    high: int

    def plus(self, other: "Counted | None") -> "Counted":
        """Both together."""
        if other is None:
            return self
        return Counted(self.facts + other.facts, self.checksum + other.checksum, max(self.high, other.high))

    def less(self, other: "Counted | None") -> "Counted":
        """This without those: the highest version is not among them."""
        if other is None:
            return self
        return Counted(self.facts - other.facts, self.checksum - other.checksum, self.high)


class AuthorityReader(Protocol):
    """By workspace alias and table of its facts."""

    async def of(self, workspaces: Collection[int]) -> Mapping[tuple[int, Table], Holding]:
        """What is held of these workspaces."""
        ...

    async def uncounted(self, limit: int) -> Sequence[tuple[int, Table]]:
        """Where facts were never counted."""
        ...

    async def page(self, workspace: int, table: Table, after: tuple[int, int], limit: int) -> Sequence["Kept"]:
        """The stored facts of a workspace's table, in the order of their slots, after one."""
        ...


class Authorities(AuthorityReader, Protocol):
    """Authorities to be changed."""

    async def add(self, source: int, counted: Mapping[tuple[int, Table], Counted]) -> None:
        """Adds to what is held; who adds first becomes the authority."""
        ...

    async def settle(self, workspace: int, tables: Collection[Table], source: int, floor: int) -> None:
        """The source is the authority from now on, and what it said up to `floor` is settled."""
        ...

    async def recounted(self, workspace: int, table: Table, facts: int, checksum: int) -> None:
        """What was counted from the facts themselves: it takes the place of what is kept."""
        ...

    async def doubted(self, workspaces: Collection[int]) -> None:
        """What is kept of these workspaces has to be counted again."""
        ...

    async def compared(self, workspace: int, source: int, equal: bool, at: datetime) -> tuple[int, datetime]:
        """Notes a comparison of checksums; answers how many in a row have differed, and since when."""
        ...


class RunState(StrEnum):
    """Where a run of a source's snapshot stands. The last four are its ends."""

    STAGING = "staging"
    PLANNING = "planning"
    HELD = "held"
    APPLYING = "applying"
    DONE = "done"
    REFUSED = "refused"
    ABANDONED = "abandoned"
    DISCARDED = "discarded"

    @property
    def open(self) -> bool:
        """Whether anything can still come of it."""
        return self in (RunState.STAGING, RunState.PLANNING, RunState.HELD, RunState.APPLYING)


class Turn(IntEnum):
    """The order in which a snapshot is applied: at no time is anybody wider than before or at the end (§2.6)."""

    ABSENT = 1
    NARROWER = 2
    REPOSITORIES = 3
    PROJECTS = 4
    WIDER = 5


class Cursor(NamedTuple):
    """Up to where turns have been noted: a table, and the ends of the last slot in it."""

    table: Table
    a: int = 0
    b: int = 0


@dataclass(frozen=True, slots=True)
class Run:
    """One snapshot of a workspace; `workspace` is its alias, `as_of` the version it is complete up to.

    `facts` and `checksum` are what has been staged; `vanishing` of `present` facts would become absent. While there is
    a `cursor`, turns are still being noted, and nothing is applied.
    """

    id: int
    source: int
    workspace: int
    workspace_id: UUID
    name: str
    as_of: int
    state: RunState
    facts: int = 0
    checksum: int = 0
    vanishing: int = 0
    present: int = 0
    confirmed: bool = False
    reason: str = ""
    started_at: datetime | None = None
    cursor: Cursor | None = None

    @property
    def settled(self) -> bool:
        """Whether it speaks for the facts up to its version already: it is finished then, whatever else comes."""
        return self.state is RunState.APPLYING or (self.state is RunState.PLANNING and self.cursor is not None)


@dataclass(frozen=True, slots=True)
class Staged:
    """A fact of a snapshot, until it is applied; `parent` is the project of a repository, or 0.

    `live` facts came untagged while their source was not yet the authority: they count for nothing but themselves.
    """

    slot: Slot
    version: int
    digest: int
    rank: int
    fingerprint: int
    parent: int
    body: bytes
    live: bool = False


@dataclass(frozen=True, slots=True)
class Kept:
    """A stored fact with who told it; `data` is what an event would say of it."""

    slot: Slot
    held: Held
    source: int
    there: bool
    type: str
    data: Mapping[str, object]


class RunReader(Protocol):
    """Runs, to be looked at."""

    async def open(self) -> Sequence[Run]:
        """Every run that has not ended, oldest first."""
        ...

    async def by_id(self, id: int) -> Run | None:
        """The run with this id."""
        ...

    async def leftovers(self) -> bool:
        """Whether a run that has ended may still have something staged."""
        ...

    async def foreseen(self, run: Run, tables: Collection[Table]) -> tuple[int, int]:
        """How many facts of these tables would become absent, and how many are there."""
        ...


class SnapshotRuns(RunReader, Protocol):
    """Runs, to be moved on."""

    async def named(self, workspace: int, source: int, name: str) -> Run | None:
        """The source's run of this name, ended or not."""
        ...

    async def begin(self, run: Run, at: datetime) -> Run:
        """Keeps a new run; answers it with its id."""
        ...

    async def put(self, run: Run, at: datetime) -> None:
        """Replaces what is kept of the run."""
        ...

    async def stage(self, run: Run, facts: Sequence[Staged]) -> Run:
        """Stages facts, one per slot and the highest version of it; answers the run with what is staged now."""
        ...

    async def staged(self, run: Run, slots: Collection[Slot]) -> Sequence[Staged]:
        """What is staged for these slots, in the order of versions."""
        ...

    async def plan(self, run: Run, after: Cursor, limit: int) -> Cursor | None:
        """Notes the turns of those of the table's next facts that the snapshot changes; again has no effect.

        Looks at `limit` facts or a few more; answers up to where, None at the table's end.
        """
        ...

    async def planned(self, run: Run) -> Mapping[Turn, int]:
        """How many facts wait for each turn."""
        ...

    async def next(self, run: Run, limit: int) -> tuple[Turn, Sequence[Slot]] | None:
        """The next facts of the first turn that is not over."""
        ...

    async def finish(self, run: Run, slots: Collection[Slot]) -> None:
        """These have had their turn."""
        ...

    async def kept(self, slots: Collection[Slot]) -> Sequence[Kept]:
        """What is stored in these slots, with what an event would say."""
        ...

    async def prune(self, limit: int) -> bool:
        """Forgets some of what ended runs have staged; whether there was anything."""
        ...


@dataclass(frozen=True, slots=True)
class Parked:
    """A re-activation that waits for the main lanes to pass `until` (§2.1)."""

    slot: Slot
    version: int
    source: int
    until: datetime
    body: bytes


class ParkedFacts(Protocol):
    """Facts of the express lane that wait."""

    async def all(self) -> Sequence[Parked]:
        """Everything that waits."""
        ...

    async def park(self, facts: Sequence[Parked]) -> None:
        """Keeps them; of one slot the highest version."""
        ...

    async def free(self, slots: Mapping[Slot, int]) -> None:
        """Forgets what waits in these slots up to these versions."""
        ...


@dataclass(frozen=True, slots=True)
class Letter:
    """A dead letter as the operator sees it; `since` is what it holds freshness at."""

    id: int
    source: str | None
    topic: str
    part: int
    pos: int
    workspace: UUID | None
    key: str | None
    reason: str
    detail: str
    body: bytes
    at: datetime
    since: datetime | None
    holds: bool


class LetterReader(Protocol):
    """Dead letters, to be looked at."""

    async def page(self, after: int, limit: int, holding_only: bool) -> Sequence[Letter]:
        """Letters by id, after one."""
        ...

    async def by_id(self, id: int) -> Letter | None:
        """The letter with this id."""
        ...

    async def pins(self) -> tuple[int, int]:
        """How many workspaces and how many lanes are held, for whatever reason."""
        ...


def key_of(fact: Fact) -> tuple[UUID | None, str]:
    """What two facts about the same thing have in common."""
    return fact.workspace, fact.key
