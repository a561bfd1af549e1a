"""Users are deactivated in the middle of a storm: the identity topic does not queue behind it (§2.1)."""

import asyncio
import json
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import pytest

from faults.fact_topics import FactTopics, fact_topics
from faults.fleet import Fleet, open_fleet, rounds
from faults.histories import Told
from faults.permissions_process import PermissionsProcess
from faults.revocations import Stage, ground
from faults.waiting import until
from moorage.access.problems import NotFound
from moorage.events.topics import AUTHORITY
from permissions.sample_facts import group_member, user, uuid_of
from servers.fact_source import KafkaSource
from servers.kafka import KafkaBroker

pytestmark = pytest.mark.timeout(600)

STORM = 4000
LEAVERS = 5
OWNER = "carol"


async def test_a_deactivation_is_enforced_everywhere_while_a_storm_is_applied(
    kafka: KafkaBroker, fresh_dsn: str, tmp_path: Path
) -> None:
    """Before the storm is over, and when it is over they are still out."""
    async with fact_topics(kafka) as topics, KafkaSource(kafka.bootstrap, topics.names) as source:
        process = PermissionsProcess(tmp_path / "permissions", fresh_dsn, kafka.bootstrap, topics.names)
        await process.start()
        try:
            async with open_fleet(process, tmp_path) as fleet:
                await _play(fleet, topics, source)
        finally:
            await process.kill()


async def _play(fleet: Fleet, topics: FactTopics, source: KafkaSource) -> None:
    stages = [Stage(f"leaver-{number}", "acme") for number in range(rounds(LEAVERS))]
    await source.tell(_facts(ground("acme", OWNER)))
    for stage in stages:
        await source.tell(_facts([*stage.base(), stage.direct("write")]))
    names = [f"acme/{stage.image}" for stage in stages]
    for stage in stages:
        await until(lambda stage=stage: _made(fleet, stage))  # type: ignore[misc]  # mypy infers no lambda's default
        await until(lambda stage=stage: _known(fleet, stage.user))  # type: ignore[misc]  # as above
    bearers = [await fleet.bearer(stage.user, name) for stage, name in zip(stages, names, strict=True)]
    for name, auth in zip(names, bearers, strict=True):
        await until(lambda name=name, auth=auth: _everywhere(fleet, name, auth, 200))  # type: ignore[misc]  # as above
    async with asyncio.TaskGroup() as tasks:
        storm = tasks.create_task(topics.tell(_storm()))
        for stage, name, auth in zip(stages, names, bearers, strict=True):
            await source.tell(_facts([user(stage.user, active=False)]))
            await until(lambda name=name, auth=auth: _everywhere(fleet, name, auth, 401))  # type: ignore[misc]  # as above
        await storm
    for name, auth in zip(names, bearers, strict=True):
        assert await _everywhere(fleet, name, auth, 401)


async def _made(fleet: Fleet, stage: Stage) -> bool:
    """The image record, once its repository's fact has arrived."""
    status, _ = await fleet.permissions.post("create_image", _record(stage))
    return status in (200, 409)


async def _known(fleet: Fleet, account: str) -> bool:
    """Whether the user's fact has arrived: it has a topic of its own, which may be the later one."""
    with suppress(NotFound):
        return bool(await fleet.secret(account))
    return False


def _record(stage: Stage) -> bytes:
    identity = {"kind": "user", "id": str(uuid_of("user", OWNER))}
    body = {"identity": identity, "workspace": "acme", "image": stage.image, "repository": stage.repository}
    return json.dumps(body).encode()


async def _everywhere(fleet: Fleet, name: str, auth: str, status: int) -> bool:
    """Whether every gateway answers a pull so."""
    answers = [await door.ask("GET", f"/v2/{name}/tags/list?n=0", auth) for door in fleet.doors]
    return {answer.status for answer in answers} == {status}


def _storm() -> list[Told]:
    """Memberships of a group that gives nothing, all in one partition."""
    facts = [group_member("crowd", f"guest-{number}", version=10_000_000 + number) for number in range(STORM)]
    return [Told(AUTHORITY.name, AUTHORITY.partition_of(uuid_of("workspace", "acme")), fact) for fact in facts]


def _facts(bodies: Sequence[bytes]) -> list[dict[str, object]]:
    return [json.loads(body) for body in bodies]
