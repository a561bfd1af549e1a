"""Facts through a real broker: applied once, in order, whatever happens to consumers (R106-R112)."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from aiokafka import AIOKafkaProducer

from moorage.access import wire
from moorage.access.consistency import ConsistencyToken
from moorage.access.frames import Delta, RowKind
from moorage.events.topics import AUTHORITY, IDENTITY
from moorage.permissions.app import Permissions, open_permissions
from moorage.permissions.settings import PermissionsSettings
from servers.kafka import KafkaBroker

WORKSPACE = UUID("a15fb181-db1f-48f7-b41f-e1eff06929d6")
USER = UUID("504c0000-0000-4000-8000-000000000001")


def event(suffix: str, subject: str, **data: object) -> bytes:
    """A fact as a bridge writes it."""
    document = {
        "specversion": "1.0",
        "id": str(uuid4()),
        "source": "/bridge/bitbucket/acme",
        "type": f"dev.moorage.{suffix}.v1",
        "subject": subject,
        "data": data,
    }
    return json.dumps(document).encode()


def workspace(version: int, slug: str) -> bytes:
    """The workspace under a name."""
    data = {"workspace": str(WORKSPACE), "version": version, "slug": slug, "state": "active"}
    return event("scm.workspace.set", f"ws:{WORKSPACE}", **data)


def user(version: int, active: bool) -> bytes:
    """The user, active or not."""
    data = {"id": str(USER), "account": "bob", "version": version, "active": active}
    return event("identity.user.set", f"us:{USER}", **data)


class Topics:
    """Two topics of this test's own, and a producer for them."""

    def __init__(self, bootstrap: str, producer: AIOKafkaProducer) -> None:
        unique = uuid4().hex[:8]
        self.bootstrap = bootstrap
        self.authority = f"scm.authority.{unique}"
        self.identity = f"identity.principals.{unique}"
        self._producer = producer

    async def say(self, *bodies: bytes | None) -> None:
        """Facts of the workspace, in this order."""
        for body in bodies:
            await self._producer.send_and_wait(
                self.authority, body, key=b"fact", partition=AUTHORITY.partition_of(WORKSPACE)
            )

    async def say_of_user(self, body: bytes) -> None:
        """A fact of the user."""
        await self._producer.send_and_wait(self.identity, body, key=b"user", partition=IDENTITY.partition_of(USER))


@pytest.fixture
async def topics(kafka: KafkaBroker) -> AsyncIterator[Topics]:
    """Fresh topics with the partitions of the contract."""
    producer = AIOKafkaProducer(bootstrap_servers=kafka.bootstrap, acks="all", enable_idempotence=True)
    await producer.start()
    found = Topics(kafka.bootstrap, producer)
    await kafka.create_topic(found.authority, AUTHORITY.partitions, {"cleanup.policy": "compact"})
    await kafka.create_topic(found.identity, IDENTITY.partitions, {"cleanup.policy": "compact"})
    yield found
    await producer.stop()


@pytest.fixture
def settings(fresh_dsn: str, tmp_path: Path, topics: Topics) -> PermissionsSettings:
    """A service that follows these topics."""
    return PermissionsSettings(
        database_url=fresh_dsn,
        secrets_dir=tmp_path / "secrets",
        kafka_bootstrap=topics.bootstrap,
        kafka_group=f"permissions-{topics.authority}",
        authority_topic=topics.authority,
        identity_topic=topics.identity,
    )


async def rows_until(permissions: Permissions, kind: RowKind, value: int, extra: dict[str, object]) -> list[int]:
    """The seqs of all rows up to the one that says this."""
    seqs: list[int] = []
    async with asyncio.timeout(60):
        async for frame in permissions.authority.changes(ConsistencyToken(1, 0)):
            if not isinstance(frame, Delta):
                continue
            seqs += range(frame.first + 1, frame.last + 1)
            for row in frame.rows:
                told = row[6] if len(row) == 7 else {}
                if row[0] == kind and row[4] == value and extra.items() <= told.items():
                    return seqs
    raise AssertionError("the stream ended")


async def test_facts_of_both_topics_are_applied(settings: PermissionsSettings, topics: Topics) -> None:
    """What a bridge writes is in the change stream, once and without a hole."""
    async with open_permissions(settings) as permissions:
        await topics.say(workspace(1, "acme"), None, workspace(2, "acme-corp"), workspace(1, "acme"))
        await topics.say_of_user(user(1, active=False))
        await rows_until(permissions, RowKind.PRINCIPAL, 0, {"account": "bob"})
        seqs = await rows_until(permissions, RowKind.WORKSPACE, 1, {"slug": "acme-corp"})
    assert seqs == list(range(1, len(seqs) + 1))


async def test_a_restart_goes_on_where_it_stopped(settings: PermissionsSettings, topics: Topics) -> None:
    """Positions are in the database, not in the group."""
    async with open_permissions(settings) as permissions:
        await topics.say(workspace(1, "acme"))
        await rows_until(permissions, RowKind.WORKSPACE, 1, {"slug": "acme"})
    await topics.say(workspace(2, "acme-corp"))
    async with open_permissions(settings) as permissions:
        await rows_until(permissions, RowKind.WORKSPACE, 1, {"slug": "acme-corp"})


async def test_a_poison_record_pins_its_workspace_and_blocks_nothing(
    settings: PermissionsSettings, topics: Topics
) -> None:
    """The records behind it are applied; the workspace's freshness is held until the key gets a newer version."""
    poison = event("scm.workspace.set", f"ws:{WORKSPACE}", workspace=str(WORKSPACE), version=2, slug=7, state="active")
    async with open_permissions(settings) as permissions:
        await topics.say(workspace(1, "acme"), poison, b"not json")
        await rows_until(permissions, RowKind.PIN, 1, {})
        await topics.say(workspace(3, "acme-corp"))
        await rows_until(permissions, RowKind.PIN, 0, {})


async def test_two_consumers_of_one_group_apply_every_fact_once(settings: PermissionsSettings, topics: Topics) -> None:
    """Two services on one database share the partitions; rebalances lose and repeat nothing."""
    async with open_permissions(settings) as first:
        await topics.say(workspace(1, "v1"))
        await rows_until(first, RowKind.WORKSPACE, 1, {"slug": "v1"})
        async with open_permissions(settings) as second:
            await topics.say(*(workspace(number, f"v{number}") for number in range(2, 40)))
            seqs = await rows_until(second, RowKind.WORKSPACE, 1, {"slug": "v39"})
            assert seqs == list(range(1, len(seqs) + 1))
        await topics.say(workspace(40, "v40"))
        await rows_until(first, RowKind.WORKSPACE, 1, {"slug": "v40"})


async def test_silence_and_heartbeats_show_in_the_lane(settings: PermissionsSettings, topics: Topics) -> None:
    """A workspace fed by Kafka is as old as its lane's last heartbeat, and was never heard before the first."""
    lane = f"s1p{AUTHORITY.partition_of(WORKSPACE)}"
    async with open_permissions(settings) as permissions:
        await topics.say(workspace(1, "acme"))
        await rows_until(permissions, RowKind.WORKSPACE, 1, {"slug": "acme"})
        before = await permissions.authority.snapshot(WORKSPACE)
        assert before.as_of == {lane: 0}
        heartbeat = {"source": "kafka", "as_of": "2026-11-23T10:00:01Z", "mode": "event"}
        await topics.say(
            event("scm.heartbeat", f"hb:kafka:{AUTHORITY.partition_of(WORKSPACE)}", **heartbeat), workspace(2, "later")
        )
        await rows_until(permissions, RowKind.WORKSPACE, 1, {"slug": "later"})
        after = await permissions.authority.snapshot(WORKSPACE)
        assert after.as_of == {lane: 1795428001000}


async def test_facts_over_http_flow_while_kafka_is_away(settings: PermissionsSettings) -> None:
    """An unreachable broker stops nothing else."""
    away = settings.model_copy(update={"kafka_bootstrap": "127.0.0.1:1"})
    async with open_permissions(away) as permissions:
        await permissions.operator(settings.secrets_dir / "operator.json")
        answer = await permissions.ingest([workspace(1, "acme")])
        assert answer.applied == 1
        assert isinstance(answer, wire.IngestAnswer)
