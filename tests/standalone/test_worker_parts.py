"""The parts that several workers are made of, one by one: messages, restarts, numbers."""

import asyncio
import sys
from uuid import uuid4

import pytest
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from moorage.standalone.messages import (
    Enlisted,
    Failed,
    Orders,
    Serving,
    Unintelligible,
    read,
    read_orders,
    written,
    written_orders,
)
from moorage.standalone.numbers import merged
from moorage.standalone.restarts import LONGEST_PAUSE_SECONDS, MOST_SHORT_LIVES, STEADY_SECONDS, Restarts
from moorage.standalone.worker_process import WorkerProcess

ORDERS = Orders(
    number=2,
    parent=1,
    public=7,
    lock=8,
    database="postgresql://moorage:a-password@/moorage",
    service_token="a-token",
    connections=10,
    blobs="blobs",
    secrets="secrets",
    public_url="http://127.0.0.1:5000",
    permissions_url="http://127.0.0.1:5001",
    keeps=False,
    drain_seconds=25.0,
    log_level="WARNING",
    uvloop=True,
)


NONSENSE = [
    b"\n",
    b"null\n",
    b"\xff\n",
    b'{"kind": "other"}\n',
    b'{"kind": "serving"}\n',
    b'{"kind": "enlisted", "gateway": "me"}\n',
    b"[" * 20_000 + b"\n",
]


def test_orders_arrive_as_they_were_given_and_do_not_show_secrets() -> None:
    """One line each, and none of the secrets where a value is printed (R146)."""
    line = written_orders(ORDERS)
    assert line.count(b"\n") == 1
    assert read_orders(line) == ORDERS
    assert "a-password" not in repr(ORDERS)
    assert "a-token" not in repr(ORDERS)


@pytest.mark.parametrize("said", [Serving("http://127.0.0.1:1"), Enlisted(uuid4()), Failed("no disk\nat all")])
def test_what_a_worker_says_arrives(said: Serving | Enlisted | Failed) -> None:
    """One line each."""
    line = written(said)
    assert line.count(b"\n") == 1
    assert read(line) == said


@pytest.mark.parametrize("line", NONSENSE)
def test_anything_else_is_unintelligible(line: bytes) -> None:
    """Also to who waits for orders."""
    with pytest.raises(Unintelligible):
        read(line)
    with pytest.raises(Unintelligible):
        read_orders(line)


def test_pauses_grow_until_there_are_no_more() -> None:
    """Twice as long each time, at most ten seconds; the tenth short life in a row was the last."""
    restarts = Restarts()
    pauses = [restarts.pause_after(1.0) for _ in range(MOST_SHORT_LIVES)]
    assert pauses[:3] == [0.1, 0.2, 0.4]
    assert pauses[-2:] == [LONGEST_PAUSE_SECONDS, None]


def test_who_has_lived_long_begins_anew() -> None:
    """The deaths of last week are no sign of a crash loop."""
    restarts = Restarts()
    for _ in range(MOST_SHORT_LIVES - 1):
        assert restarts.pause_after(1.0)
    assert restarts.pause_after(STEADY_SECONDS) == 0.1


def test_the_numbers_of_all_are_one_text() -> None:
    """Each name is described once, workers' series have a label, and ours stay as they are."""
    texts = []
    for count in range(3):
        registry = CollectorRegistry()
        Counter("requests", "Requests.", ["route"], registry=registry).labels("/v2/").inc(count)
        Histogram("seconds", "Seconds.", registry=registry, buckets=[1]).observe(count)
        texts.append(generate_latest(registry).decode())
    text = merged(texts[0], {1: texts[1], 2: texts[2]}).decode()
    assert text.count("# TYPE requests_total counter") == 1
    assert text.count("# TYPE seconds histogram") == 1
    samples = {
        (sample.name, sample.labels.get("worker")): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    assert [samples["requests_total", worker] for worker in (None, "1", "2")] == [0, 1, 2]
    assert [samples["seconds_sum", worker] for worker in (None, "1", "2")] == [0, 1, 2]


async def test_what_is_no_message_is_left_out() -> None:
    """And the next one is read, also behind a line that is longer than any message."""
    program = "import sys; sys.stdout.buffer.write(b''.join(map(bytes.fromhex, sys.argv[1:])) + b'x' * 200_000)"
    program += "; sys.stdout.buffer.write(b'\\n' + bytes.fromhex(sys.argv[1]))"
    command = (sys.executable, "-c", program, *(each.hex() for each in (written(Failed("no disk")), *NONSENSE[:-1])))
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    worker = WorkerProcess(process)
    assert [said async for said in worker.listen()] == [Failed("no disk")] * 2
    assert await worker.end() == "no disk"
