"""What is tried holds nobody up, and is judged at one position (authorization.md §4)."""

import asyncio

from moorage.permissions.apply import Apply
from moorage.permissions.batches import Record
from moorage.permissions.explaining.trial import TrialLedger
from moorage.permissions.ports import Deciding, Ledger
from moorage.permissions.records import Source, SourceKind, SourceSpec, Transport
from moorage.runtime.clock import FixedClock
from permissions.sample_facts import grant, group_member, small_workspace, user, uuid_of

BY_HAND = SourceSpec("by-hand", SourceKind.MANUAL, Transport.HTTP)
BOB, CAROL = uuid_of("user", "bob"), uuid_of("user", "carol")


async def send(ledger: Ledger, source: Source, *bodies: bytes) -> None:
    """Applies facts."""
    await Apply(ledger, FixedClock()).over_http(source, [Record(n, body) for n, body in enumerate(bodies, 1)])


async def active(view: Deciding) -> tuple[bool, bool]:
    """Whether bob and carol are."""
    bob, carol = await view.hierarchy.user(BOB), await view.hierarchy.user(CAROL)
    assert bob
    assert carol
    return bob.active, carol.active


async def test_others_change_the_same_workspace_while_something_is_tried(ledger: Ledger) -> None:
    """Neither sees what the other does, and nothing of the trial is left."""
    async with ledger.changing() as change:
        source = await change.sources.declare(BY_HAND, None)
    await send(ledger, source, *small_workspace())
    async with ledger.trying() as trial:
        out = [group_member("developers", "carol", present=False), grant("repository:hello", "group:new", "write")]
        await send(TrialLedger(trial).as_ledger(), source, user("bob", active=False), *out)
        async with asyncio.timeout(5):
            await send(ledger, source, user("carol", active=False), grant("repository:hello", "user:rita", "admin"))
        assert await active(trial) == (False, True)
        async with trial.head() as head, ledger.viewing() as view:
            assert await active(head) == (True, True)
            assert await active(view) == (True, False)
            assert head.token < view.token
    async with ledger.viewing() as view:
        assert await active(view) == (True, False)
    await send(ledger, source, user("bob", active=False))
    async with ledger.viewing() as view:
        assert await active(view) == (False, False)
