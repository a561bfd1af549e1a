"""Connections that are kept between their users are as good as those of the pool, and nobody waits for them."""

import asyncio

import pytest

from moorage.runtime.postgres import Database, DatabaseUnavailable


async def _backend(database: Database) -> int:
    async with database.connection() as connection:
        pid: int = await connection.fetchval("SELECT pg_backend_pid()")
        return pid


async def test_the_next_user_gets_the_same_connection(every_fresh_dsn: str) -> None:
    """One after the other needs one only."""
    async with await Database.open(every_fresh_dsn, "public", size=3) as database:
        assert len({await _backend(database) for _ in range(5)}) == 1


async def test_all_who_wait_have_their_turn(every_fresh_dsn: str) -> None:
    """More users than connections, again and again."""
    async with await Database.open(every_fresh_dsn, "public", size=2, acquire_timeout=60) as database:
        for _ in range(3):
            assert len(set(await asyncio.gather(*(_backend(database) for _ in range(20))))) <= 2


async def test_a_dead_connection_is_not_given_out(every_fresh_dsn: str) -> None:
    """The pool opens another one."""
    async with (
        await Database.open(every_fresh_dsn, "public", size=2) as database,
        await Database.open(every_fresh_dsn, "public", size=1) as other,
    ):
        before = await _backend(database)
        async with other.connection() as connection:
            await connection.execute("SELECT pg_terminate_backend($1, 10000)", before)
        for _ in range(2):  # the end of the stream may not have been read yet
            try:
                assert await _backend(database) != before
                break
            except DatabaseUnavailable:
                continue
        assert await _backend(database) != before


async def test_what_was_left_by_a_failure_is_made_clean(every_fresh_dsn: str) -> None:
    """No transaction of one user reaches the next one."""
    async with await Database.open(every_fresh_dsn, "public", size=1) as database:
        with pytest.raises(KeyError):  # noqa: PT012 - what leaves something behind is looked at afterwards
            async with database.transaction() as connection:
                await connection.execute("CREATE TABLE left_behind (a int)")
                raise KeyError
        async with database.connection() as connection:
            assert not connection.is_in_transaction()
            assert await connection.fetchval("SELECT to_regclass('left_behind')") is None
