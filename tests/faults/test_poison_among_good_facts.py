"""Two thousand bad records among good ones, over real brokers (R107, R114): none blocks, none is lost."""

import json
import random
import tracemalloc
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final
from uuid import uuid4

import asyncpg
import pytest
from aiokafka import AIOKafkaProducer

from events.fact_samples import DATA, sample, spoiled
from faults.waiting import until
from moorage.events.decoding import FactInvalid, decode_fact
from moorage.events.topics import AUTHORITY, IDENTITY
from moorage.permissions.app import Permissions, open_permissions
from moorage.permissions.settings import PermissionsSettings
from moorage.runtime.statement import Connection
from permissions.sample_facts import group_member, uuid_of
from servers.kafka import KafkaBroker

BAD: Final = 2000
GOOD: Final = BAD // 4
LARGEST: Final = 1024 * 1024
ACME = uuid_of("workspace", "acme")
PART = AUTHORITY.partition_of(ACME)
GRANT = json.dumps(sample("scm.grant.set"))


def kinds() -> dict[str, bytes]:
    """One record of every kind of poison; the reason they end with follows from the kind's name."""
    return {
        "not_json": b"\x00\xff\xfe not json",
        "not_an_object": b"[]",
        "too_deep": b'{"a":' * 60_000,
        "too_deep lists": GRANT.replace('"write"', "[" * 5_000 + "]" * 5_000).encode(),
        "too_large": GRANT.encode() + b" " * LARGEST,
        "huge_number": GRANT.replace("918273645", "9" * 400_000).encode(),
        "not_a_number": GRANT.replace("918273645", "NaN").encode(),
        "duplicate_key": GRANT.replace('"role"', '"role": "read", "role"').encode(),
        "unknown_type": spoiled("scm.grant.set", "type", "dev.moorage.scm.team.set.v1"),
        "unknown_type major": spoiled("scm.grant.set", "type", "dev.moorage.scm.grant.set.v2"),
        "envelope": spoiled("scm.grant.set", "id", "x" * 500_000),
        "schema": spoiled("scm.group_member.set", "data.user", ["u"] * 10_000),
        "schema nested groups": spoiled("scm.group_member.set", "data.user", {"group": {"group": "x"}}),
        "schema texts": spoiled("scm.grant.set", "data.by", "x" * 900_000),
        "key_mismatch": spoiled("scm.grant.set", "subject", DATA["scm.project.set"][0]),
        "version_missing": spoiled("scm.grant.set", "data.version", ...),
    }


def records() -> Iterator[tuple[bool, bytes]]:
    """The bad ones in turn, with a good one after every fourth; the large kinds only now and then."""
    poison, chance = kinds(), random.Random(3)
    small = [each for each in poison.values() if len(each) < 100_000]
    large = [each for each in poison.values() if len(each) >= 100_000]
    for at in range(BAD):
        yield False, chance.choice(large) if at % 40 == 0 else small[at % len(small)]
        if at % 4 == 3:
            yield True, group_member("g", f"user{at}", version=at + 1)


@pytest.mark.parametrize("kind", kinds())
def test_each_kind_is_refused_for_what_it_is(kind: str) -> None:
    """In memory that is bounded by the record itself, many times over a small one's at most."""
    body = kinds()[kind]
    if kind == "version_missing":
        assert decode_fact(body).data.version is None
        return
    tracemalloc.start()
    try:
        with pytest.raises(FactInvalid) as refused:
            decode_fact(body)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert refused.value.reason == kind.split(" ")[0]
    assert len(refused.value.detail) < 300
    assert peak < 16 * LARGEST


@pytest.fixture
async def topics(kafka: KafkaBroker) -> tuple[str, str]:
    """Two topics of this test's own, the first of which takes records larger than we do."""
    unique = uuid4().hex[:8]
    names = f"scm.authority.{unique}", f"identity.principals.{unique}"
    await kafka.create_topic(names[0], AUTHORITY.partitions, {"max.message.bytes": str(2 * LARGEST)})
    await kafka.create_topic(names[1], IDENTITY.partitions)
    return names


async def test_good_facts_are_applied_and_bad_ones_listed(
    kafka: KafkaBroker, topics: tuple[str, str], fresh_dsn: str, tmp_path: Path
) -> None:
    """Each with its position and its reason, and with its number in the metrics."""
    authority, identity = topics
    settings = PermissionsSettings.model_validate(
        {
            "database_url": fresh_dsn,
            "secrets_dir": tmp_path / "secrets",
            "kafka_bootstrap": kafka.bootstrap,
            "kafka_group": f"poison-{authority}",
            "authority_topic": authority,
            "identity_topic": identity,
        }
    )
    told = list(records())
    async with open_permissions(settings) as permissions, connected(fresh_dsn) as connection:
        await tell(kafka, authority, [body for _, body in told])

        async def applied() -> bool:
            position = "SELECT next FROM permissions.ingest_position WHERE topic = $1 AND part = $2"
            return bool(await connection.fetchval(position, authority, PART) == len(told))

        await until(applied)
        await every_record_is_accounted_for(connection, [at for at, (good, _) in enumerate(told) if not good])
        assert refused(permissions, authority) == BAD


async def tell(kafka: KafkaBroker, topic: str, bodies: Sequence[bytes]) -> None:
    """The records, in order, in the partition of the workspace."""
    producer = AIOKafkaProducer(bootstrap_servers=kafka.bootstrap, acks="all", max_request_size=2 * LARGEST)
    await producer.start()
    try:
        for body in bodies:
            await producer.send(topic, body, key=b"key", partition=PART)
    finally:
        await producer.stop()


async def every_record_is_accounted_for(connection: Connection, bad: Sequence[int]) -> None:
    """Good facts are stored; of every bad record there is a dead letter with its offset and a reason."""
    assert await connection.fetchval("SELECT count(*) FROM permissions.group_member") == GOOD
    letters = await connection.fetch("SELECT pos, part, reason FROM permissions.dead_letter ORDER BY pos")
    assert [letter["pos"] for letter in letters] == list(bad)
    assert {letter["part"] for letter in letters} == {PART}
    assert {letter["reason"] for letter in letters} <= {each.split(" ")[0] for each in kinds()} | {"partition"}


def refused(permissions: Permissions, topic: str) -> float:
    """How many dead letters the metrics tell of."""
    name = "moorage_permissions_ingest_refused_total"
    found = [each for metric in permissions.registry.collect() for each in metric.samples if each.name == name]
    return sum(each.value for each in found if each.labels["topic"] == topic)


@asynccontextmanager
async def connected(dsn: str) -> AsyncIterator[Connection]:
    """A connection to look at the tables with."""
    connection = await asyncpg.connect(dsn)
    try:
        yield connection
    finally:
        await connection.close()
