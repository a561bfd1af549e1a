"""What every feed promises: snapshots and the change stream tell the same story, without a hole."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import uuid4

import pytest

from contracts.authority import Site
from moorage.access import wire
from moorage.access.consistency import ConsistencyToken
from moorage.access.frames import Beat, Delta, Frame, Row, RowKind
from moorage.access.image import Visibility
from moorage.access.problems import PositionGone, ServiceUnavailable
from moorage.gateway.ports import AuthorityFeed
from permissions.sample_facts import (
    event,
    grant,
    group,
    group_member,
    repository,
    small_workspace,
    user,
    uuid_of,
)

START = ConsistencyToken(1, 0)
ACME = uuid_of("workspace", "acme")


@dataclass(frozen=True)
class Source:
    """A feed, and the site whose changes it tells."""

    feed: AuthorityFeed
    site: Site


def state_of(rows: list[Row], ws: int | None = None) -> dict[tuple[int, ...], object]:
    """What rows lead to: the last one of each key, without what says that there is nothing."""
    state: dict[tuple[int, ...], object] = {}
    for row in rows:
        kind, of, a, b, value, _, *extra = row
        if ws is not None and of != ws and kind != RowKind.INTERN:
            continue
        parent = kind in (RowKind.NODE, RowKind.CREDENTIAL, RowKind.IMAGE)
        key = (kind, of, a) if parent else (kind, of, a, b)
        gone = value == 0 and kind in (*range(1, 7), RowKind.IMAGE, RowKind.PIN)
        if gone:
            state.pop(key, None)
        else:
            state[key] = (b if parent else None, value, extra)
    return state


@asynccontextmanager
async def frames_after(feed: AuthorityFeed, position: ConsistencyToken) -> AsyncIterator[AsyncIterator[Frame]]:
    """The stream, closed afterwards."""
    stream = feed.changes(position)
    try:
        yield stream
    finally:
        close: Callable[[], Awaitable[None]] = getattr(stream, "aclose")  # noqa: B009  # a generator, by its port only an iterator
        await close()


async def rows_after(feed: AuthorityFeed, position: ConsistencyToken, until: int) -> list[Row]:
    """All rows up to a seq."""
    rows: list[Row] = []
    async with frames_after(feed, position) as stream:
        async for frame in stream:
            if isinstance(frame, Delta):
                assert frame.first == position.seq + len(rows)
                assert frame.last - frame.first == len(frame.rows)
                rows += frame.rows
            if position.seq + len(rows) >= until:
                return rows
    raise AssertionError("the stream ended")


class AuthorityFeedContract:
    """Mix in and give `source` an empty site."""

    @pytest.fixture
    async def source(self) -> Source:
        """A feed of a site without facts."""
        raise NotImplementedError

    @pytest.fixture
    async def acme(self, source: Source) -> Source:
        """The feed of the small workspace, after some history."""
        site = source.site
        await site.ingest(small_workspace())
        image = await site.image()
        bob = await site.login("bob")
        await site.authority.set_image(wire.SetImageRequest(identity=bob, id=image.id, visibility=Visibility.WORKSPACE))
        await site.ingest([group_member("developers", "carol", present=False), user("olga", active=False)])
        await site.ingest([group("developers", state="deleted"), grant("repository:hello", "user:rita", "none")])
        await site.image("ada", "ledger/x")
        await site.ingest([repository("ledger", state="transferred")])
        gone = await site.image(name="hello/gone")
        await site.authority.delete_image(wire.DeleteImageRequest(identity=bob, id=gone.id))
        return source

    async def test_a_snapshot_is_what_the_stream_leads_to(self, acme: Source) -> None:
        """One decoder serves both, and both give the same state."""
        everything, workspace = await acme.feed.snapshot(None), await acme.feed.snapshot(ACME)
        rows = await rows_after(acme.feed, START, everything.seq)
        (alias,) = [row[2] for row in everything.rows if row[0] == RowKind.WORKSPACE]
        told = state_of(rows)
        both = state_of(everything.rows) | state_of(workspace.rows)
        assert {key: told[key] for key in both} == both
        # The stream says more only of what is over: a snapshot has no row for it.
        over = {key for key in told if key not in both}
        assert {key[0] for key in over} <= {RowKind.INTERN}
        assert alias in {row[2] for row in workspace.rows if row[0] == RowKind.INTERN}

    async def test_the_stream_has_no_hole_from_any_position(self, acme: Source) -> None:
        """Whoever resumes at a frame's end gets exactly the rest."""
        head = (await acme.feed.snapshot(None)).seq
        rows = await rows_after(acme.feed, START, head)
        assert len(rows) == head
        ends = []
        async with frames_after(acme.feed, START) as stream:
            async for frame in stream:
                if isinstance(frame, Delta):
                    ends.append(frame.last)
                if isinstance(frame, Beat):
                    break
        for end in ends[:-1]:
            assert await rows_after(acme.feed, ConsistencyToken(1, end), head) == rows[end:]

    async def test_aliases_come_before_their_use(self, acme: Source) -> None:
        """In the stream, in the snapshot of the global part, and in that of a workspace, which comes behind it."""
        head = await acme.feed.snapshot(None)
        workspace = [*head.rows, *(await acme.feed.snapshot(ACME)).rows]
        told = [await rows_after(acme.feed, START, head.seq), head.rows, workspace]
        for rows in told:
            known: dict[int, str] = {}
            for row in rows:
                if row[0] == RowKind.INTERN and len(row) == 7:
                    assert known.setdefault(row[2], row[6]["uuid"]) == row[6]["uuid"]
                    continue
                used = {row[1], row[2]} | ({row[3]} if row[0] != RowKind.WORKSPACE_ROLE else set())
                assert used - {0} <= set(known)

    async def test_a_new_change_comes_by_itself(self, acme: Source) -> None:
        """A reader that waits is told."""
        head = (await acme.feed.snapshot(None)).seq
        async with frames_after(acme.feed, ConsistencyToken(1, head)) as stream:
            await acme.site.ingest([grant("repository:hello", "user:mia", "read")])
            async for frame in stream:
                if isinstance(frame, Delta):
                    assert [row[0] for row in frame.rows] == [RowKind.USER_REPOSITORY]
                    return

    async def test_an_idle_stream_beats(self, acme: Source) -> None:
        """A beat says where the end is."""
        head = (await acme.feed.snapshot(None)).seq
        async with frames_after(acme.feed, ConsistencyToken(1, head)) as stream:
            async for frame in stream:
                assert isinstance(frame, Beat)
                assert (frame.epoch, frame.head) == (1, head)
                return

    async def test_who_is_far_behind_is_told_so_first(self, source: Source) -> None:
        """Frames that don't lead to the head claim nothing about the sources: their facts are still to come."""
        await source.site.ingest(small_workspace())
        for start in range(0, 3000, 1000):
            facts = [grant(f"repository:{number}", "user:bob", "read") for number in range(start, start + 1000)]
            await source.site.ingest(facts)
        head = (await source.feed.snapshot(None)).seq
        announced, seq = 0, 0
        async with frames_after(source.feed, START) as stream:
            async for frame in stream:
                if isinstance(frame, Beat):
                    announced = frame.head
                if isinstance(frame, Delta):
                    seq = frame.last
                    assert announced == head
                assert isinstance(frame, Beat | Delta)
                assert seq == head or not frame.as_of
                if seq == head:
                    return

    async def test_a_credential_that_was_revoked_here_stays_revoked(self, acme: Source) -> None:
        """Whatever a source says of it: the stream tells what is stored, as a snapshot does."""
        bob = await acme.site.login("bob")
        assert bob.credential
        revoke = wire.RevokeTokenRequest(identity=bob, token=bob.credential)
        await acme.site.authority.revoke_token(revoke)
        before = (await acme.feed.snapshot(None)).seq
        says = {"id": str(bob.credential), "principal": f"user:{bob.id}", "state": "active"}
        await acme.site.ingest([event("identity.credential.set", f"cr:{bob.credential}", says)])
        head = (await acme.feed.snapshot(None)).seq
        (row,) = await rows_after(acme.feed, ConsistencyToken(1, before), head)
        assert (row[0], row[4]) == (RowKind.CREDENTIAL, 0)

    async def test_replayed_facts_say_nothing(self, acme: Source) -> None:
        """Equal values emit no row and use no seq."""
        await acme.site.ingest([grant("repository:hello", "user:mia", "read")])
        before = (await acme.feed.snapshot(None)).seq
        await acme.site.ingest([grant("repository:hello", "user:mia", "read")])
        assert (await acme.feed.snapshot(None)).seq == before

    async def test_a_batch_is_one_frame(self, source: Source) -> None:
        """No reader ever sees half of it; only aliases, which mean nothing yet, may come before."""
        await source.site.ingest(small_workspace())
        head = (await source.feed.snapshot(None)).seq
        facts = [grant(f"repository:{number}", "user:bob", "read") for number in range(700)]
        facts += [repository(f"{number}") for number in range(300)]
        await source.site.ingest(facts)
        meant = []
        async with frames_after(source.feed, ConsistencyToken(1, head)) as stream:
            async for frame in stream:
                if isinstance(frame, Delta):
                    assert len(frame.rows) <= 1000
                    meant.append(sum(row[0] != RowKind.INTERN for row in frame.rows))
                if sum(meant) == 1000:
                    break
        assert [count for count in meant if count] == [1000]

    async def test_an_unknown_position_is_gone(self, acme: Source) -> None:
        """An epoch that is over: take a snapshot."""
        with pytest.raises(PositionGone):
            await anext(acme.feed.changes(ConsistencyToken(0, 0)))

    @pytest.mark.parametrize("beyond", ["in this epoch", "in another one"])
    async def test_a_position_beyond_the_head_shows_that_changes_were_lost(self, acme: Source, beyond: str) -> None:
        """Nobody may go on with what is left: nothing is answered until the epoch is bumped (§3.7)."""
        head = (await acme.feed.snapshot(None)).seq
        seen = ConsistencyToken(1, head + 1) if beyond == "in this epoch" else ConsistencyToken(2, 0)
        with pytest.raises(ServiceUnavailable):
            await anext(acme.feed.changes(seen))
        with pytest.raises(ServiceUnavailable):
            await acme.feed.snapshot(None)

    async def test_an_unknown_workspace_has_no_rows(self, acme: Source) -> None:
        """It is told like an empty one."""
        assert (await acme.feed.snapshot(uuid4())).rows == []
