"""The audit trail, in memory and in PostgreSQL: appended once, read newest first, forgotten by age, never changed."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from moorage.access.audit import AuditRecord, Deed, Mode
from moorage.access.consistency import ConsistencyToken
from moorage.access.decision import Decision
from moorage.access.principal import Identity, Principal, PrincipalKind
from moorage.access.publishers import PipelineRun
from moorage.access.reason import Reason
from moorage.access.role import Role
from moorage.access.wire import Via
from moorage.permissions.audit_trail import AuditQuery, Mark
from moorage.permissions.ports import Ledger

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
BOB, CAROL = UUID(int=1), UUID(int=2)
ACME, OTHER = UUID(int=10), UUID(int=11)
API, WEB = UUID(int=20), UUID(int=21)


def decided(
    minute: int, who: UUID = BOB, *, allow: bool = False, at: UUID = ACME, of: UUID | None = API
) -> AuditRecord:
    """A decision about a push, some minutes after noon."""
    reason = Reason.OK if allow else Reason.NO_WRITE
    identity = Identity(Principal(PrincipalKind.USER, who), uuid4())
    decision = Decision(reason, Role.READ, True, ConsistencyToken(7, 100 + minute))
    made = AuditRecord.of(identity, Deed.PUSH, decision, NOON + timedelta(minutes=minute), Mode.LOCAL)
    return made.model_copy(update={"workspace": at, "image": of, "name": "acme/hello/api"})


class Rollback(Exception):
    """What undoes a change."""


class AuditTrailContract:
    """Mix in and give `ledger` an empty one."""

    @pytest.fixture
    async def ledger(self) -> Ledger:
        """A ledger."""
        raise NotImplementedError

    async def test_a_record_comes_back_as_it_was(self, ledger: Ledger) -> None:
        """With every field set, and with as few as possible."""
        run = PipelineRun(UUID(int=5), "main", False)
        identity = Identity(Principal(PrincipalKind.PIPELINE, UUID(int=4)), None, run=run)
        full = AuditRecord.of(
            identity, Deed.PUSH, Decision(Reason.OK, Role.READ, True, ConsistencyToken(1, 2)), NOON, Mode.STALE
        ).model_copy(
            update={
                "name": "acme/ü\u2028",
                "workspace": ACME,
                "image": API,
                "staleness_ms": 412,
                "via": Via(method="PUT", remote="::1", request="r-1"),
                "change": {"visibility": "public"},
            }
        )
        anybody = Identity(Principal(PrincipalKind.ANONYMOUS))
        bare = AuditRecord.of(
            anybody,
            Deed.PULL,
            Decision(Reason.UNAUTHENTICATED, Role.NONE, False, ConsistencyToken(0, 0)),
            NOON,
            Mode.LOCAL,
        )
        async with ledger.auditing() as trail:
            assert await trail.keep([full, bare]) == 2
        async with ledger.auditing() as trail:
            assert await trail.by_id(full.decision) == full
            assert await trail.by_id(bare.decision) == bare
            assert await trail.by_id(uuid4()) is None

    async def test_a_record_sent_again_is_kept_once_and_unchanged(self, ledger: Ledger) -> None:
        """A gateway whose answer got lost sends its batch again, and more with it."""
        one, two = decided(1), decided(2)
        async with ledger.auditing() as trail:
            assert await trail.keep([one]) == 1
            assert await trail.keep([one.model_copy(update={"allow": True}), two]) == 1
            assert await trail.keep([]) == 0
            assert await trail.by_id(one.decision) == one
            assert len(await trail.page(AuditQuery())) == 2

    async def test_what_a_change_appends_is_there_exactly_if_the_change_is(self, ledger: Ledger) -> None:
        """Committed together, undone together."""
        stays, goes = decided(1), decided(2)
        async with ledger.changing() as change:
            await change.audit.keep([stays])
        with pytest.raises(Rollback):
            await _undone(ledger, goes)
        async with ledger.auditing() as trail:
            assert [record.decision for record in await trail.page(AuditQuery())] == [stays.decision]

    @pytest.mark.parametrize(
        ("query", "minutes"),
        [
            (AuditQuery(), [5, 4, 3, 2, 1]),
            (AuditQuery(workspace=ACME), [5, 4, 2, 1]),
            (AuditQuery(workspace=OTHER), [3]),
            (AuditQuery(image=API), [4, 3, 1]),
            (AuditQuery(image=API, workspace=ACME), [4, 1]),
            (AuditQuery(principal=CAROL), [4, 2]),
            (AuditQuery(principal=CAROL, workspace=ACME, allow=True), [4]),
            (AuditQuery(image=API, principal=BOB), [3, 1]),
            (AuditQuery(allow=False), [5, 3, 2, 1]),
            (AuditQuery(since=NOON + timedelta(minutes=2), until=NOON + timedelta(minutes=4)), [3, 2]),
            (AuditQuery(limit=2), [5, 4]),
        ],
    )
    async def test_records_are_found_by_what_they_are_about(
        self, ledger: Ledger, query: AuditQuery, minutes: list[int]
    ) -> None:
        """Every filter, alone and with others; newest first."""
        records = [
            decided(1),
            decided(2, CAROL, of=WEB),
            decided(3, at=OTHER),
            decided(4, CAROL, allow=True),
            decided(5, of=None),
        ]
        async with ledger.auditing() as trail:
            await trail.keep(records)
            found = await trail.page(query)
        assert [round((record.at - NOON) / timedelta(minutes=1)) for record in found] == minutes

    async def test_pages_join_without_a_gap_or_a_repeat(self, ledger: Ledger) -> None:
        """Also between records of the same moment, and while new ones arrive."""
        records = [decided(minute // 3) for minute in range(10)]
        order: Callable[[AuditRecord], object] = lambda record: (record.at, record.decision)  # noqa: E731 - read once
        async with ledger.auditing() as trail:
            await trail.keep(records)
            seen: list[AuditRecord] = []
            before: Mark | None = None
            while page := await trail.page(AuditQuery(workspace=ACME, before=before, limit=3)):
                seen += page
                before = Mark.parse(str(Mark.of(page[-1])))
                await trail.keep([decided(60)])
        assert seen == sorted(records, key=order, reverse=True)  # type: ignore[arg-type] # tuples of these compare

    async def test_old_records_are_forgotten_oldest_first(self, ledger: Ledger) -> None:
        """So many at once, and none that is young enough."""
        async with ledger.auditing() as trail:
            await trail.keep([decided(minute) for minute in range(6)])
            before = NOON + timedelta(minutes=4)
            assert await trail.forget(before, 3) == 3
            assert await trail.forget(before, 3) == 1
            assert await trail.forget(before, 3) == 0
            assert len(await trail.page(AuditQuery())) == 2


async def _undone(ledger: Ledger, record: AuditRecord) -> None:
    async with ledger.changing() as change:
        await change.audit.keep([record])
        raise Rollback
