"""Snapshot files are made once for all who ask, as new as they must be, and the sum beside them is theirs (§2.6)."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from contracts.authority import Site
from moorage.access import wire
from moorage.access.consistency import ORIGIN, ConsistencyToken
from moorage.access.packed import unpack
from moorage.access.sums import sum_of
from moorage.permissions.ports import Ledger
from moorage.permissions.snapshot_files import KEPT_SECONDS, SnapshotFiles
from moorage.runtime.clock import FixedClock
from permissions.conftest import site_over
from permissions.sample_facts import grant, group_member, repository, small_workspace, uuid_of

ACME = uuid_of("workspace", "acme")


@pytest.fixture
async def site(ledger: Ledger, tmp_path: Path) -> Site:
    """The small workspace, after some history."""
    site = await site_over(ledger, tmp_path)
    await site.ingest(small_workspace())
    await site.image()
    gone = await site.image(name="hello/gone")
    bob = await site.login("bob")
    await site.authority.delete_image(wire.DeleteImageRequest(identity=bob, id=gone.id))
    await site.ingest([group_member("developers", "carol", present=False), repository("ledger", state="archived")])
    return site


@pytest.fixture
def clock() -> FixedClock:
    """Moved by hand."""
    return FixedClock()


@pytest.fixture
def files(ledger: Ledger, site: Site, clock: FixedClock) -> SnapshotFiles:
    """Over the ledger of the site."""
    return SnapshotFiles(ledger, clock)


async def test_the_database_counts_what_the_file_tells(files: SnapshotFiles) -> None:
    """Edges, nodes and images: one sum, whoever adds up."""
    told, file = await files.sum(ACME), unpack(await files.file(ACME))
    assert (told.epoch, told.seq) == (file.epoch, file.seq)
    assert told.sum == sum_of(file)
    assert told.sum != 0


async def test_a_file_is_shared_until_more_is_needed(files: SnapshotFiles, site: Site) -> None:
    """Who says from where the stream is applied gets the one there is, all others one of the head."""
    first = await files.file(ACME)
    await site.ingest([grant("repository:hello", "user:mia", "read")])
    assert await files.file(ACME, ORIGIN) is first
    second = await files.file(ACME)
    assert unpack(second).seq == unpack(first).seq + 1
    assert await files.file(ACME, ConsistencyToken(1, unpack(first).seq)) is second


async def test_all_who_ask_at_once_get_one_file(files: SnapshotFiles) -> None:
    """A herd of gateways costs the database one look."""
    got = await asyncio.gather(*(files.file(None) for _ in range(8)))
    assert len({id(each) for each in got}) == 1


async def test_a_file_is_not_kept_for_long(files: SnapshotFiles, clock: FixedClock) -> None:
    """What nobody asks for any more takes no memory."""
    first = await files.file(ACME, ORIGIN)
    clock.advance(timedelta(seconds=KEPT_SECONDS + 1))
    assert await files.file(ACME, ORIGIN) is not first


async def test_many_edges_are_copied_in_pieces(files: SnapshotFiles, site: Site) -> None:
    """However the database cuts them."""
    facts = [grant(f"repository:r{n % 250}", f"user:u{n}", ("read", "write", "admin")[n % 3]) for n in range(6000)]
    for start in range(0, len(facts), 1000):
        await site.ingest(facts[start : start + 1000])
    file = unpack(await files.file(ACME))
    assert len(file.edges.targets) >= len(facts)
    assert (await files.sum(ACME)).sum == sum_of(file)
