"""An empty database is filled from the topics; until their past is applied nothing is served from it (R122)."""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from faults.fact_topics import fact_topics
from faults.histories import History, Told
from moorage.access.frames import Row, RowKind
from moorage.access.problems import ServiceUnavailable
from moorage.access.reason import Reason
from moorage.events.topics import AUTHORITY, IDENTITY
from moorage.permissions.app import Permissions, open_permissions
from moorage.permissions.apply import Apply
from moorage.permissions.batches import Record
from moorage.permissions.memory.ledger import MemoryLedger
from moorage.permissions.ports import Ledger
from moorage.permissions.records import Source
from moorage.permissions.settings import PermissionsSettings
from moorage.permissions.sources import KAFKA
from moorage.permissions.stores import Advance
from moorage.runtime.clock import SystemClock
from permissions.sample_facts import uuid_of
from servers.kafka import KafkaBroker

HISTORY = History(23, 800)


async def test_the_first_that_is_served_is_the_whole(kafka: KafkaBroker, fresh_dsn: str, tmp_path: Path) -> None:
    """Every question before that is answered with 503, and the whole is what ordinary application gives."""
    async with fact_topics(kafka) as topics:
        await topics.tell(HISTORY.told)
        settings = PermissionsSettings.model_validate(
            {
                "database_url": fresh_dsn,
                "secrets_dir": tmp_path / "secrets",
                "kafka_bootstrap": kafka.bootstrap,
                "kafka_group": f"rebuild-{topics.names[AUTHORITY.name]}",
                "authority_topic": topics.names[AUTHORITY.name],
                "identity_topic": topics.names[IDENTITY.name],
            }
        )
        async with open_permissions(settings) as permissions:
            served = await first_served(permissions)
            assert "rebuild" not in await permissions.health.missing()
    assert served == await applied_in_order()


async def first_served(permissions: Permissions) -> set[tuple[object, ...]]:
    """The state as the first snapshots that are not refused tell it."""
    while True:
        try:
            return await everything(permissions)
        except ServiceUnavailable as refused:
            if refused.members["reason"] != Reason.NOT_READY.value:
                raise


async def everything(permissions: Permissions) -> set[tuple[object, ...]]:
    """The state as snapshots tell it now. Raises ServiceUnavailable."""
    rows = list((await permissions.authority.snapshot(None)).rows)
    for slug in HISTORY.workspaces:
        rows += (await permissions.authority.snapshot(uuid_of("workspace", slug))).rows
    return named(rows)


async def applied_in_order() -> set[tuple[object, ...]]:
    """The state after every record was applied, one by one, in memory."""
    ledger: Ledger = MemoryLedger()
    async with ledger.changing() as change:
        source = await change.sources.declare(KAFKA, None)
    for (topic, part), told in by_partition(HISTORY.told).items():
        await apply_all(ledger, source, topic, part, told)
    async with ledger.viewing() as view:
        rows = list(await view.snapshots.rows(None))
        for slug in HISTORY.workspaces:
            workspace = await view.hierarchy.workspace_by_id(uuid_of("workspace", slug))
            rows += await view.snapshots.rows(workspace) if workspace else []
    return named(rows)


async def apply_all(ledger: Ledger, source: Source, topic: str, part: int, told: Sequence[Told]) -> None:
    """A partition's records."""
    apply = Apply(ledger, SystemClock())
    for at, each in enumerate(told):
        await apply.over_kafka([source], [Record(at, each.body)], Advance(topic, part, at, at + 1))


def by_partition(told: Sequence[Told]) -> dict[tuple[str, int], list[Told]]:
    """The records of each partition, in order."""
    found: dict[tuple[str, int], list[Told]] = defaultdict(list)
    for each in told:
        found[each.topic, each.partition].append(each)
    return found


def named(rows: Sequence[Row]) -> set[tuple[object, ...]]:
    """Rows with uuids for aliases, whose numbers depend on the order of arrival.

    Left out are pins, which tell the time, and users, whose re-activation waits for heartbeats that are not told here.
    """
    names: dict[int, object] = {0: "-"}
    names |= {row[2]: row[6]["uuid"] for row in rows if row[0] == RowKind.INTERN and len(row) == 7}
    facts = [row for row in rows if row[0] not in (RowKind.INTERN, RowKind.PIN, RowKind.PRINCIPAL)]
    return {(row[0], names[row[1]], names[row[2]], names.get(row[3], row[3]), row[4], str(row[6:])) for row in facts}
