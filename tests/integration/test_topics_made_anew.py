"""Real topics: how far one is behind is told, and one that was made anew is followed once the operator accepts it."""

import json
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

from aiohttp.test_utils import TestClient, TestServer

from faults.fact_topics import FactTopics, fact_topics
from faults.histories import Told
from faults.waiting import until, until_true
from moorage.access import wire
from moorage.access.principal import Identity, Principal, PrincipalKind
from moorage.access.problems import NotFound
from moorage.access.sync_wire import SyncStatusRequest
from moorage.events.topics import AUTHORITY, IDENTITY
from moorage.permissions.app import Permissions, open_permissions
from moorage.permissions.settings import PermissionsSettings
from moorage.permissions.sources import KAFKA
from permissions.sample_facts import member, user, uuid_of, workspace
from permissions.sample_snapshots import heartbeat
from servers.kafka import KafkaBroker
from servers.kafka_administration import Administration

PART = AUTHORITY.partition_of(uuid_of("workspace", "acme"))
ADA = wire.IdentityBody.of(Identity(Principal(PrincipalKind.USER, uuid_of("user", "ada"))))
MORE_THAN_IS_READ_AHEAD = 4000


def told(*facts: bytes) -> list[Told]:
    """Facts of the workspace, in its partition."""
    return [Told(AUTHORITY.name, PART, each) for each in facts]


def beats(count: int) -> list[Told]:
    """Records that cost little, all of one partition."""
    now = datetime.now(UTC).isoformat()
    return told(*(heartbeat(KAFKA.name, now, PART) for _ in range(count)))


def settings(kafka: KafkaBroker, topics: FactTopics, dsn: str, folder: Path) -> PermissionsSettings:
    """A service that follows them, in a consumer group of its own."""
    return PermissionsSettings.model_validate(
        {
            "database_url": dsn,
            "secrets_dir": folder / "secrets",
            "kafka_bootstrap": kafka.bootstrap,
            "kafka_group": f"group-{uuid4()}",
            "authority_topic": topics.names[AUTHORITY.name],
            "identity_topic": topics.names[IDENTITY.name],
        }
    )


async def whole(permissions: Permissions) -> None:
    """Returns once the past of both topics is applied."""

    async def is_whole() -> bool:
        return "rebuild" not in await permissions.health.missing()

    await until(is_whole)


async def behind(permissions: Permissions) -> int | None:
    """What `sync/status` says of the workspace's own partition."""
    status = await permissions.authority.sync_status(SyncStatusRequest(identity=ADA, workspace="acme"))
    (lane,) = [each for each in status.lanes if each.topic == AUTHORITY.name]
    return lane.records_behind


async def test_records_behind_are_told_by_the_end_of_the_log(
    kafka: KafkaBroker, fresh_dsn: str, tmp_path: Path
) -> None:
    """While the ledger is held up they grow beyond what is read ahead; then there are none (R120)."""
    async with (
        fact_topics(kafka) as topics,
        open_permissions(settings(kafka, topics, fresh_dsn, tmp_path)) as permissions,
    ):
        await whole(permissions)
        ada = Told(IDENTITY.name, IDENTITY.partition_of(uuid_of("user", "ada")), user("ada", version=1))
        await topics.tell([ada, *told(workspace(version=1), member("ada", "owner", version=2)), *beats(1)])
        await until(lambda: none_behind(permissions))
        async with permissions._ledger.changing():
            await topics.tell(beats(MORE_THAN_IS_READ_AHEAD))
            await until(lambda: some_behind(permissions))
            waiting = await behind(permissions)
            assert waiting is not None
            assert 0 < waiting <= MORE_THAN_IS_READ_AHEAD
        await until(lambda: none_behind(permissions))


async def none_behind(permissions: Permissions) -> bool:
    """Whether everything has been read, of a workspace that ada is known to own."""
    with suppress(NotFound):
        return await behind(permissions) == 0
    return False


async def some_behind(permissions: Permissions) -> bool:
    """Whether something is left to be read."""
    return bool(await behind(permissions))


async def test_a_topic_made_anew_is_followed_once_it_is_accepted(
    kafka: KafkaBroker, fresh_dsn: str, tmp_path: Path
) -> None:
    """From its beginning; what is known stays, and the workspace is held until a snapshot. By the operator only."""
    async with fact_topics(kafka) as topics:
        async with open_permissions(settings(kafka, topics, fresh_dsn, tmp_path)) as permissions:
            await topics.tell(told(workspace(version=1), member("ada", "owner", version=2)) + beats(9))
            await until(lambda: slug_is(permissions, "acme"))
        await make_anew(kafka, topics)
        async with open_permissions(settings(kafka, topics, fresh_dsn, tmp_path)) as permissions:
            await until_true(lambda: "was made anew" in str(permissions._consumer and permissions._consumer.stopped()))
            await topics.tell(told(workspace("acme-corp", version=3), workspace("old", version=1)))
            answer = await accept(permissions, tmp_path, topics.names[AUTHORITY.name])
            assert answer["unconfirmed"] == 1
            await until(lambda: slug_is(permissions, "acme-corp"))
            await until_true(lambda: bool(permissions._consumer and permissions._consumer.stopped() is None))
            async with permissions._ledger.changing() as change:
                found = await change.hierarchy.workspace("acme-corp")
                assert found is not None
                assert await change.intake.pins(found.alias) == datetime.fromtimestamp(0, UTC)


async def slug_is(permissions: Permissions, slug: str) -> bool:
    """Whether the workspace has this name by now."""
    async with permissions._ledger.viewing() as view:
        return await view.hierarchy.workspace(slug) is not None


async def accept(permissions: Permissions, folder: Path, topic: str) -> dict[str, Any]:
    """As the command does."""
    secret = await permissions.operator(folder / "operator.json")
    path, body = "/internal/v1/topics/accept", {"topic": topic, "reason": "the cluster was replaced"}
    async with TestClient(TestServer(permissions.internal_app())) as client:
        assert (await client.post(path, json=body)).status == 401
        answer = await client.post(path, json=body, headers={"Authorization": f"Bearer {secret}"})
        assert answer.status == 200, await answer.text()
        return dict(json.loads(await answer.text()))


async def make_anew(kafka: KafkaBroker, topics: FactTopics) -> None:
    """The authority topic, without its records."""
    name = topics.names[AUTHORITY.name]
    async with Administration(kafka.bootstrap) as client:
        await client.delete_topics([name])

        async def gone() -> bool:
            return name not in await names(client)

        await until(gone)
    await kafka.create_topic(name, AUTHORITY.partitions)
    topics.ends.clear()


async def names(client: Any) -> Sequence[str]:
    """The topics there are."""
    return list(await client.list_topics())
