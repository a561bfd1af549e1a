"""Work that is repeated as long as a service is open."""

import asyncio
from datetime import timedelta

from structlog.testing import capture_logs

from moorage.runtime.periodic import Periodic

INTERVAL = timedelta(microseconds=1)


async def test_periodic_work_goes_on_after_a_failure() -> None:
    """What passes by itself is a warning, a bug an error; the job lives on, and ends when it is left."""
    passes, done = 0, asyncio.Event()

    async def work() -> None:
        nonlocal passes
        passes += 1
        if passes == 3:
            done.set()
        raise ConnectionError("not now") if passes == 1 else ZeroDivisionError

    with capture_logs() as logs:
        async with Periodic("some job", work, INTERVAL, ConnectionError):
            await done.wait()
        ended_at = passes
        await asyncio.sleep(0)
    assert passes == ended_at
    assert [entry["log_level"] for entry in logs[:2]] == ["warning", "error"]


async def test_leaving_waits_for_the_work_in_hand() -> None:
    """What it holds is released before the service closes what it works on."""
    began, steps = asyncio.Event(), list[str]()

    async def work() -> None:
        began.set()
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            steps.append("released")

    async with Periodic("some job", work, INTERVAL):
        await began.wait()
    assert steps == ["released"]
