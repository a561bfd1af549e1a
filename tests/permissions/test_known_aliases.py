"""What a process remembers of aliases between changes."""

from uuid import UUID, uuid4

from moorage.access.consistency import ConsistencyToken
from moorage.access.frames import EntityKind
from moorage.permissions.postgres.aliases import KnownAliases
from moorage.permissions.postgres.ledger import PostgresLedger
from moorage.permissions.slots import Entity, Place, user


def people(number: int) -> list[Entity]:
    """That many users."""
    return [user(uuid4()) for _ in range(number)]


def kept(aliases: dict[Entity, int]) -> dict[Place, dict[str, int]]:
    """As a change has learnt them."""
    return {each.place: {one.text: at for one, at in aliases.items()} for each in aliases}


def test_an_entity_is_what_it_was_made_of() -> None:
    """Inside it is integers, outside uuids; entities of other kinds or workspaces differ."""
    ws, id = uuid4(), UUID(int=0)
    entity = Entity(EntityKind.PROJECT, ws, id)
    assert (entity.kind, entity.workspace, entity.id) == (EntityKind.PROJECT, ws, id)
    assert Entity(EntityKind.USER, None, id) == user(id)
    assert user(id).workspace is None
    others = {Entity(EntityKind.PROJECT, id, id), Entity(EntityKind.GROUP, ws, id), user(id)}
    assert len({entity, *others}) == 4


def test_it_is_bounded_and_the_oldest_go_first() -> None:
    """A world larger than the memory is asked for again, no more."""
    known, (first, *rest) = KnownAliases(most=3), people(4)
    known.keep(kept({first: 1}))
    known.keep(kept({each: at for at, each in enumerate(rest, 2)}))
    seen = known.seen_from(ConsistencyToken(0, 0))
    assert [seen.get(each) for each in (first, *rest)] == [None, 2, 3, 4]
    assert set(seen.named(first.place)) == {str(each.id) for each in rest}


def test_rewritten_history_is_forgotten() -> None:
    """Another epoch, or a head that went back: the numbers may stand for others now."""
    for later in (ConsistencyToken(2, 90), ConsistencyToken(1, 79)):
        known, (someone,) = KnownAliases(), people(1)
        known.seen_from(ConsistencyToken(1, 80))
        known.keep(kept({someone: 7}))
        assert known.seen_from(ConsistencyToken(1, 81)).get(someone) == 7
        forgotten = known.seen_from(later)
        assert (forgotten.get(someone), forgotten.named(someone.place)) == (None, {})


async def test_aliases_of_a_change_that_failed_are_not_remembered(postgres_ledger: PostgresLedger) -> None:
    """They were never issued, and are issued to the next who asks."""
    lost, found = people(2)
    try:
        async with postgres_ledger.changing() as change:
            await change.facts.intern([lost])
            raise LookupError
    except LookupError:
        pass
    async with postgres_ledger.changing() as change:
        first = await change.facts.intern([found])
    async with postgres_ledger.changing() as change:
        again = await change.facts.intern([found, lost])
    assert again[found] == first[found]
    assert again[lost] != first[found]
    async with postgres_ledger.changing() as change:
        assert await change.facts.intern([found, lost]) == again
