"""Figures of deciding: in process from a whole replica, at the authority, and both against the world's arithmetic."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Final

from bench.authorization.figure import Goal, at_least, quantile
from bench.authorization.keep_alive import KeepAlive, post
from bench.authorization.population import Held, Question, questions
from bench.authorization.progress import bar, said
from bench.authorization.site import Site
from faults.fleet import client_of
from moorage.gateway.follower import Follower
from moorage.gateway.replica.replica import Replica
from moorage.runtime.clock import SystemClock

RATE: Final = at_least("checks_per_second", "1/s", 100_000)
P99: Final = Goal("check_p99", "us", 50)
ASK_P50: Final = Goal("authority_check_p50", "ms", 3)
ASK_P99: Final = Goal("authority_check_p99", "ms", 15)
ASK_RATE: Final = at_least("authority_checks_per_second", "1/s", 3000)
WRONG: Final = Goal("decisions_wrong", "", 0)
ASK_WRONG: Final = Goal("authority_decisions_wrong", "", 0)
_QUESTIONS: Final = 20_000
_REPEATS: Final = 10
_SAMPLES: Final = 3000
_COMPARED: Final = 1000
_CONNECTIONS: Final = 16
_SECONDS: Final = 5.0
_LOAD_SECONDS: Final = 120.0


async def checks(site: Site, held: Sequence[Held]) -> Mapping[Goal, float]:
    """One core, one replica with every workspace, random questions."""
    asked = questions(site, held, _QUESTIONS)
    async with whole_replica(site) as replica:
        wrong = _wrong(replica, asked)
        rate, times = _rate(replica, asked), _times(replica, asked)
    p50, p99 = quantile(times, 0.5) / 1000, quantile(times, 0.99) / 1000
    said(f"{rate:,.0f} checks/s, p50 {p50:.1f} us, p99 {p99:.1f} us, {wrong} of {len(asked)} differ from the world")
    return {RATE: rate, P99: p99, WRONG: wrong}


@asynccontextmanager
async def whole_replica(site: Site) -> AsyncIterator[Replica]:
    """A replica of everything, at the head of the stream."""
    async with client_of(site.permissions) as client:
        follower = Follower(client, SystemClock())
        following = asyncio.create_task(follower.run())
        try:
            async with asyncio.timeout(_LOAD_SECONDS):
                while not follower.ready:  # noqa: ASYNC110 - the follower tells by a property
                    await asyncio.sleep(0.05)
            assert follower.replica
            for place in site.world.places:
                workspace = follower.replica.workspace(place.name)
                assert workspace
                assert await follower.load(workspace, _LOAD_SECONDS), place.name
            yield follower.replica
        finally:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)


def _decide(replica: Replica, asked: Sequence[Question]) -> list[tuple[object, ...]]:
    """The arguments of each decision."""
    found = {place.name: replica.workspace(place.name) for place in {question.image.place for question in asked}}
    now = datetime.now(UTC)
    return [(q.identity, found[q.image.place.name], q.image.name, q.action, now) for q in asked]


def _wrong(replica: Replica, asked: Sequence[Question]) -> int:
    """How many decisions are not what the world says."""
    made = [replica.decide(*each).allowed for each in _decide(replica, asked)]  # type: ignore[arg-type]  # its arguments
    return sum(one is not question.allowed() for one, question in zip(made, asked, strict=True))


def _rate(replica: Replica, asked: Sequence[Question]) -> float:
    """Decisions per second of a core, which neighbours don't lessen."""
    arguments, decide = _decide(replica, asked), replica.decide
    began = time.process_time()
    for _ in range(_REPEATS):
        for each in arguments:
            decide(*each)  # type: ignore[arg-type]  # its arguments
    return _REPEATS * len(arguments) / (time.process_time() - began)


def _times(replica: Replica, asked: Sequence[Question]) -> list[float]:
    """Nanoseconds of a core for each decision."""
    now, times, decide = time.thread_time_ns, list[float](), replica.decide
    for _ in range(_REPEATS):
        for each in _decide(replica, asked):
            began = now()
            decide(*each)  # type: ignore[arg-type]  # its arguments
            times.append(now() - began)
    return times


async def authority(site: Site, held: Sequence[Held]) -> Mapping[Goal, float]:
    """POST /internal/v1/check: one after the other for the time, sixteen connections for the rate."""
    port = int(site.permissions.url.rpartition(":")[2])
    asked = questions(site, held, _SAMPLES)
    requests = [_request(site, question) for question in asked]
    times = await _asked(port, requests)
    rate = await _flooded(port, requests)
    wrong = await _wrong_answers(site, asked[:_COMPARED])
    p50, p99 = quantile(times, 0.5), quantile(times, 0.99)
    said(f"authority: p50 {p50:.2f} ms, p99 {p99:.2f} ms, {rate:,.0f} checks/s")
    return {ASK_P50: p50, ASK_P99: p99, ASK_RATE: rate, ASK_WRONG: wrong}


async def _wrong_answers(site: Site, asked: Sequence[Question]) -> int:
    """How many of the authority's answers are not what the world says."""
    async with client_of(site.permissions) as client:
        answers = [await client.check(question.request()) for question in asked]
    return sum(one.decision().allowed is not each.allowed() for one, each in zip(answers, asked, strict=True))


def _request(site: Site, question: Question) -> bytes:
    body = question.request().model_dump_json(exclude_none=True).encode()
    return post("/internal/v1/check", f"Bearer {site.permissions.token}", body)


async def _asked(port: int, requests: Sequence[bytes]) -> list[float]:
    connection, times = await KeepAlive.open(port), list[float]()
    with bar("authoritative checks", len(requests)) as progress:
        for request in requests:
            began = time.perf_counter()
            assert await connection.send(request) == 200
            times.append(1000 * (time.perf_counter() - began))
            progress.step()
    connection.close()
    return times


async def _flooded(port: int, requests: Sequence[bytes]) -> float:
    done, until = 0, time.monotonic() + _SECONDS

    async def one(first: int) -> int:
        connection, count = await KeepAlive.open(port), 0
        while time.monotonic() < until:
            await connection.send(requests[(first + count) % len(requests)])
            count += 1
        connection.close()
        return count

    done = sum(await asyncio.gather(*(one(number * 97) for number in range(_CONNECTIONS))))
    return done / _SECONDS
