"""What the operator decides: sweeps that are held, and dead letters that hold freshness (§2.6, §3.7)."""

from base64 import b64encode
from dataclasses import replace
from datetime import datetime
from typing import Final, Literal
from uuid import UUID

import structlog
from pydantic import Field

from moorage.access import wire
from moorage.access.audit import Deed
from moorage.access.problems import InputInvalid, NotFound
from moorage.events.fields import LongText
from moorage.permissions.audited import About, audited
from moorage.permissions.ports import Change, Ledger
from moorage.permissions.reconcile import dead_letters
from moorage.permissions.reconcile.pins import SWEEP, pinning
from moorage.permissions.reconcile_stores import Letter, Run, RunState
from moorage.runtime.clock import Clock

PAGE: Final = 200
_log: Final = structlog.stdlib.get_logger(__name__)


class SweepBody(wire.Answer):
    """A snapshot that is not yet applied as a whole; `vanishing` of `present` facts would become absent."""

    id: int
    workspace: UUID
    source: int
    snapshot: str
    state: RunState
    facts: int
    vanishing: int
    present: int
    started_at: datetime | None

    @classmethod
    def of(cls, run: Run) -> "SweepBody":
        """The body that says `run`."""
        return cls(
            id=run.id,
            workspace=run.workspace_id,
            source=run.source,
            snapshot=run.name,
            state=run.state,
            facts=run.facts,
            vanishing=run.vanishing,
            present=run.present,
            started_at=run.started_at,
        )


class ListSweepsAnswer(wire.Answer):
    """Every snapshot under way, oldest first."""

    sweeps: list[SweepBody]


class DecideSweepRequest(wire.Request):
    """Whether what would vanish shall, and why."""

    decision: Literal["confirm", "discard"]
    reason: LongText = Field(min_length=1)


class LetterBody(wire.Answer):
    """A dead letter; `since` is the time freshness is held at while it `holds`. `body` is base64, in no list."""

    id: int
    source: str | None
    topic: str
    part: int
    pos: int
    workspace: UUID | None
    key: str | None
    reason: str
    detail: str
    at: datetime
    since: datetime | None
    holds: bool
    body: str | None = None

    @classmethod
    def of(cls, letter: Letter, *, whole: bool) -> "LetterBody":
        """The body that says `letter`."""
        return cls(
            id=letter.id,
            source=letter.source,
            topic=letter.topic,
            part=letter.part,
            pos=letter.pos,
            workspace=letter.workspace,
            key=letter.key,
            reason=letter.reason,
            detail=letter.detail,
            at=letter.at,
            since=letter.since,
            holds=letter.holds,
            body=b64encode(letter.body).decode() if whole else None,
        )


class LettersQuery(wire.Request):
    """From where on, and whether only those that hold something."""

    after: int = Field(default=0, ge=0, le=2**63 - 1)
    holding: bool = True


class ListLettersAnswer(wire.Answer):
    """At most two hundred, by id; `after` leads to the next ones, if there are any."""

    letters: list[LetterBody]
    after: int | None


class ReleaseRequest(wire.Request):
    """Why nothing is held for the letter any longer."""

    reason: LongText = Field(min_length=1)


class Oversight:
    """The operator's view of what waits for a person."""

    def __init__(self, ledger: Ledger, clock: Clock) -> None:
        self._ledger = ledger
        self._clock = clock

    async def sweeps(self) -> ListSweepsAnswer:
        """Every snapshot under way."""
        async with self._ledger.viewing() as view:
            return ListSweepsAnswer(sweeps=[SweepBody.of(each) for each in await view.runs.open()])

    async def decide(self, id: int, request: DecideSweepRequest, who: wire.IdentityBody) -> SweepBody:
        """Lets a held sweep go on, or ends it; its workspace stays held after that. Raises NotFound, InputInvalid."""
        async with self._ledger.changing() as change:
            run = await change.runs.by_id(id)
            if run is None:
                raise NotFound("there is no such sweep")
            if run.state is not RunState.HELD:
                raise InputInvalid(f"this sweep is not held: it is {run.state.value}")
            await self._audit(change, run, request, who)
            run = await self._decided(change, run, request)
        _log.warning("A held sweep was decided.", sweep=id, decision=request.decision, why=request.reason)
        return SweepBody.of(run)

    async def _audit(self, change: Change, run: Run, request: DecideSweepRequest, who: wire.IdentityBody) -> None:
        deed = Deed.CONFIRM_SWEEP if request.decision == "confirm" else Deed.DISCARD_SWEEP
        found = await change.hierarchy.workspace_by_id(run.workspace_id)
        about = About(found.slug if found else "", run.workspace_id)
        said = {"sweep": run.id, "vanishing": run.vanishing, "present": run.present, "reason": request.reason}
        await audited(change, who, deed, about, change.log.token, self._clock.now(), said)

    async def _decided(self, change: Change, run: Run, request: DecideSweepRequest) -> Run:
        now = self._clock.now()
        if request.decision == "confirm":
            run = replace(run, state=RunState.PLANNING, confirmed=True, reason=request.reason)
        else:
            # Live facts have gone on being applied: without the sweep the workspace is as current as they are.
            run = replace(run, state=RunState.DISCARDED, reason=request.reason)
            async with pinning(change, [run.workspace]):
                await change.intake.release({(run.workspace, SWEEP)})
        await change.runs.put(run, now)
        return run

    async def letters(self, query: LettersQuery) -> ListLettersAnswer:
        """A page of dead letters."""
        async with self._ledger.viewing() as view:
            found = await view.letters.page(query.after, PAGE, query.holding)
        after = found[-1].id if len(found) == PAGE else None
        return ListLettersAnswer(letters=[LetterBody.of(each, whole=False) for each in found], after=after)

    async def letter(self, id: int) -> LetterBody:
        """One dead letter, with its record. Raises NotFound."""
        async with self._ledger.viewing() as view:
            found = await view.letters.by_id(id)
        if found is None:
            raise NotFound("there is no such dead letter")
        return LetterBody.of(found, whole=True)

    async def release(self, id: int, request: ReleaseRequest, by: str) -> LetterBody:
        """Nothing is held for the letter any longer. Raises NotFound."""
        async with self._ledger.changing() as change:
            if not await dead_letters.release(change, id, by, request.reason, self._clock.now()):
                raise NotFound("there is no such dead letter")
        return await self.letter(id)
