"""Far more removals than usual page somebody, and hold nothing (§3.7)."""

import random
from datetime import UTC, datetime, timedelta

import pytest
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from moorage.permissions import rows
from moorage.permissions.memory.ledger import MemoryLedger
from moorage.permissions.ports import LedgerUnavailable
from moorage.permissions.removal_alarm import RemovalAlarm
from moorage.permissions.removals import LEAST_USUAL, TIMES_THE_USUAL, WEEK, RemovalRate
from moorage.runtime.clock import FixedClock

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


def told(counts: dict[int, int]) -> RemovalRate:
    """A rate that was told this at once."""
    rate = RemovalRate()
    rate.add(counts)
    return rate


def test_the_usual_is_what_99_of_100_minutes_do_not_exceed() -> None:
    """By sorting all the minutes of the week, those without removals too, of which the rate is not told."""
    chance = random.Random(5)
    for _ in range(50):
        week = {minute: chance.choice((0, 0, chance.randrange(2000))) for minute in range(chance.randrange(2, WEEK))}
        told_of = {minute: count for minute, count in week.items() if count or minute == 0}
        every = sorted(week.values())
        expected = every[-(-len(every) * 99 // 100) - 1]
        assert told(told_of).usual(len(week)) == max(expected, LEAST_USUAL)


def test_minutes_of_more_than_a_week_ago_do_not_count() -> None:
    """Nor does the minute that is judged."""
    rate = told(dict.fromkeys(range(200), 1000))
    assert rate.usual(200) == 1000
    rate.add({WEEK + 300: 5})
    assert rate.usual(WEEK + 300) == LEAST_USUAL


def test_a_burst_alarms_and_what_is_usual_does_not() -> None:
    """Ten times the usual is not more than ten times the usual."""
    rate = told(dict.fromkeys(range(WEEK), 30))
    rate.add({WEEK: 300})
    assert not rate.alarming(WEEK)
    rate.add({WEEK: 1})
    assert rate.alarming(WEEK)


def test_where_hardly_anything_is_removed_a_person_may_leave() -> None:
    """A hundred removals in a minute page nobody, whatever the week was like."""
    most = TIMES_THE_USUAL * LEAST_USUAL
    assert not told({0: 0, 100: most}).alarming(100)
    assert told({0: 0, 100: most + 1}).alarming(100)


async def remove(ledger: MemoryLedger, times: int, *, granted: bool = False) -> None:
    """So many grants, or ends of grants, in one change."""
    async with ledger.changing() as change:
        for number in range(times):
            change.log.append(rows.grant_row(1, "repository", 2, "user", number + 3, 4 if granted else 0, 1))


async def test_a_mass_revocation_is_told_once() -> None:
    """When it happens: an error to page on, and a counter; what is granted alarms nobody."""
    clock = FixedClock(NOON)
    ledger, registry = MemoryLedger(clock), CollectorRegistry()
    alarm = RemovalAlarm(ledger, clock, registry)
    with capture_logs() as logs:
        for _ in range(20):
            await remove(ledger, 5)
            assert not await alarm.look()
            clock.advance(timedelta(minutes=1))
        await remove(ledger, 1000, granted=True)
        assert not await alarm.look()
        await remove(ledger, 101)
        assert await alarm.look()
        await remove(ledger, 50)
        assert not await alarm.look()
        clock.advance(timedelta(minutes=1))
        assert not await alarm.look()
    assert [(each["log_level"], each["removals"], each["usual"]) for each in logs] == [("error", 101, LEAST_USUAL)]
    assert registry.get_sample_value("moorage_permissions_removal_alarms_total") == 1
    assert registry.get_sample_value("moorage_permissions_removals_this_minute") == 0


async def test_a_new_process_knows_what_is_usual_and_pages_nobody_about_the_past() -> None:
    """The first look reads what the log keeps."""
    clock = FixedClock(NOON)
    ledger = MemoryLedger(clock)
    await remove(ledger, 500)
    for _ in range(30):
        clock.advance(timedelta(minutes=1))
        await remove(ledger, 40)
    clock.advance(timedelta(minutes=2))
    alarm = RemovalAlarm(ledger, clock, CollectorRegistry())
    assert not await alarm.look()
    await remove(ledger, 400)
    assert not await alarm.look()


async def test_an_alarm_that_fails_keeps_no_change_from_being_made() -> None:
    """It only reads, beside the order of changes; what it missed it sees at its next look."""

    class Away(MemoryLedger):
        """A ledger that can be changed, and looked at only now and then."""

        away = True

        def viewing(self):  # type: ignore[no-untyped-def]  # as the base has it
            """Raises LedgerUnavailable."""
            if self.away:
                raise LedgerUnavailable
            return super().viewing()

    clock = FixedClock(NOON)
    ledger = Away(clock)
    alarm = RemovalAlarm(ledger, clock, CollectorRegistry())
    with pytest.raises(LedgerUnavailable):
        await alarm.look()
    await remove(ledger, 101)
    ledger.away = False
    assert await alarm.look()
