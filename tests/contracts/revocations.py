"""What was revoked here stays revoked, whatever the source of the credential says later (authorization.md §2.1)."""

from uuid import UUID

import pytest

from moorage.access.frames import RowKind
from moorage.access.principal import Principal, PrincipalKind
from moorage.permissions import rows
from moorage.permissions.apply import Apply
from moorage.permissions.batches import Record
from moorage.permissions.history import Position
from moorage.permissions.ports import Ledger
from moorage.permissions.records import Source, SourceKind, SourceSpec, Transport
from moorage.permissions.slots import Slot, Table
from moorage.permissions.stores import Advance
from moorage.runtime.clock import FixedClock
from permissions.sample_facts import credential, user, uuid_of

BY_HAND = SourceSpec("by-hand", SourceKind.MANUAL, Transport.HTTP)
STREAM = SourceSpec("stream", SourceKind.CONTINUOUS, Transport.KAFKA)
LAPTOP = uuid_of("credential", "laptop")


class RevocationsContract:
    """Mix in and give `ledger` an empty one."""

    @pytest.fixture
    async def ledger(self) -> Ledger:
        """A ledger at its beginning."""
        raise NotImplementedError

    @pytest.fixture
    async def source(self, ledger: Ledger) -> Source:
        """Who tells of bob and of a credential of his."""
        async with ledger.changing() as change:
            source = await change.sources.declare(BY_HAND, None)
        await tell(ledger, source, user("bob", version=1), credential("laptop", "bob", version=2))
        return source

    async def test_a_renewal_does_not_bring_back_what_was_revoked_here(self, ledger: Ledger, source: Source) -> None:
        """Neither with the same value nor with another, nor once the source itself has ended it in between."""
        assert await active(ledger)
        await revoke(ledger)
        for renewed in (
            credential("laptop", "bob", version=3),
            credential("laptop", "bob", version=4, scopes=["image:read"]),
            credential("laptop", "bob", "revoked", version=5),
            credential("laptop", "bob", version=6),
        ):
            await tell(ledger, source, renewed)
            assert not await active(ledger)

    async def test_what_its_source_ended_and_gives_back_works_again(self, ledger: Ledger, source: Source) -> None:
        """By a newer fact."""
        await tell(ledger, source, credential("laptop", "bob", "revoked", version=3))
        assert not await active(ledger)
        await tell(ledger, source, credential("laptop", "bob", version=2))
        assert not await active(ledger)
        await tell(ledger, source, credential("laptop", "bob", version=4))
        assert await active(ledger)

    async def test_what_its_source_ended_can_still_be_revoked_here(self, ledger: Ledger, source: Source) -> None:
        """Whoever revokes it means it for good; once that is so it is no news."""
        await tell(ledger, source, credential("laptop", "bob", "revoked", version=3))
        assert await revoke(ledger)
        assert not await revoke(ledger)
        await tell(ledger, source, credential("laptop", "bob", version=4))
        assert not await active(ledger)

    async def test_a_topic_that_is_read_anew_revives_nothing(self, ledger: Ledger, source: Source) -> None:
        """The revocation is ours, and in the database: facts that come again know nothing of it (R122)."""
        async with ledger.changing() as change:
            stream = await change.sources.declare(STREAM, None)
        told = [Record(at, credential("laptop", "bob", version=version)) for at, version in enumerate((2, 7, 9))]
        apply = Apply(ledger, FixedClock())
        await apply.over_kafka([stream], told[:2], Advance("t", 0, 0, 2))
        await revoke(ledger)
        await apply.over_kafka([stream], told, Advance("made-anew", 0, 0, 3))
        assert not await active(ledger)

    async def test_streams_and_snapshots_tell_what_is_so(self, ledger: Ledger, source: Source) -> None:
        """After a revocation made here no row says that the credential is active."""
        await revoke(ledger)
        position = await ledger.head()
        await tell(ledger, source, credential("laptop", "bob", version=4, scopes=["image:read"]))
        async with ledger.viewing() as view:
            seen = list(await view.snapshots.rows(None))
            for delta in await view.log.deltas(position, 10):
                seen += delta.rows
        told = [row[4] for row in seen if row[0] == RowKind.CREDENTIAL]
        assert told == [0, 0]

    async def test_the_past_says_when_it_was_so(self, ledger: Ledger, source: Source) -> None:
        """Active before the revocation, and never after it."""
        before = await ledger.head()
        await revoke(ledger)
        revoked = await ledger.head()
        await tell(ledger, source, credential("laptop", "bob", version=4, scopes=["image:read"]))
        head = await ledger.head()
        assert before < revoked < head
        for token, expected in ((before, True), (revoked, False), (head, False)):
            async with ledger.looking(Position(token)) as view:
                found = await view.credentials.by_id(LAPTOP)
                standing = await view.standings.of(bob(), LAPTOP, 1, [])
            assert found is not None
            assert (found.active, standing.credential_active) == (expected, expected), token

    async def test_a_revocation_made_here_is_no_word_of_the_source(self, ledger: Ledger, source: Source) -> None:
        """What the source said last is what its next fact is compared with."""
        await revoke(ledger)
        slot = await slot_of_laptop(ledger)
        async with ledger.changing() as change:
            held = (await change.facts.held([slot]))[slot]
        assert (held.version, held.rank) == (2, 1)


async def slot_of_laptop(ledger: Ledger) -> Slot:
    """Where the facts about the credential are."""
    async with ledger.viewing() as view:
        found = await view.credentials.by_id(LAPTOP)
    assert found is not None
    return Slot(Table.CREDENTIAL, 0, found.alias)


def bob() -> Principal:
    """Whose it is."""
    return Principal(PrincipalKind.USER, uuid_of("user", "bob"))


async def tell(ledger: Ledger, source: Source, *facts: bytes) -> None:
    """One batch each."""
    for fact in facts:
        await Apply(ledger, FixedClock()).over_http(source, [Record(1, fact)])


async def revoke(ledger: Ledger, id: UUID = LAPTOP) -> bool:
    """As the API does, with a row of its own."""
    async with ledger.changing() as change:
        news = await change.credentials.revoke(id)
        found = await change.credentials.by_id(id)
        assert found is not None
        if news:
            change.log.append(rows.credential_row(found.alias, 0, False, None))
    return news


async def active(ledger: Ledger) -> bool:
    """Whether it opens anything, by each way it is asked about."""
    async with ledger.viewing() as view:
        found = await view.credentials.by_id(LAPTOP)
        standing = await view.standings.of(bob(), LAPTOP, 1, [])
    assert found is not None
    assert found.active == standing.credential_active
    return found.active
