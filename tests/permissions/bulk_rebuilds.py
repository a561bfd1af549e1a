"""Topics worth a rebuild in bulk, and everything that a ledger keeps, by names instead of aliases."""

import json
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import asyncpg

from faults.fact_topics import FactTopics
from faults.histories import ROLES, History, Told
from faults.waiting import until
from moorage.events.topics import AUTHORITY, IDENTITY
from moorage.permissions.app import Permissions, open_permissions
from moorage.permissions.settings import PermissionsSettings
from moorage.runtime.statement import Connection
from permissions.sample_facts import grant, group_member, member, uuid_of
from permissions.sample_snapshots import checksum, heartbeat
from servers.kafka import KafkaBroker

NEVER: Final = 10**9
ALWAYS: Final = 0
# Which of the events that say the same a row names, and when it was applied, depends on how records come together.
_EDGE: Final = "ver, fingerprint, src, disputed"
_NODE: Final = "state, ver, fingerprint, src, disputed"


def _of(table: str, aliases: str, columns: str, where: str = "true") -> str:
    named = [f"(SELECT x.kind || ':' || x.ext FROM x WHERE x.id = t.{each})" for each in aliases.split()]
    chosen = ", ".join([*named, *([columns] if columns else [])])
    return f"WITH x AS (SELECT * FROM permissions.alias) SELECT {chosen} FROM permissions.{table} AS t WHERE {where}"


EVERYTHING: Final = {
    # Operators have credentials of their own in each database.
    "alias": _of("alias", "ws", "kind, ext", "kind <> 'credential'"),
    "workspace": _of("workspace", "id", f"slug, {_NODE}"),
    "project": _of("project", "ws id", f"key, {_NODE}"),
    "repository": _of("repository", "ws id project", f"slug, {_NODE}"),
    "group": _of("grp", "ws id", f"slug, {_NODE}"),
    "group_member": _of("group_member", "ws usr grp", f"present, {_EDGE}"),
    "workspace_member": _of("workspace_member", "ws usr", f"role, {_EDGE}"),
    "grant": _of("grant_fact", "ws node grantee", f"node_kind, grantee_kind, role, {_EDGE}"),
    "principal": _of("principal", "id", "ext, account, active, ver"),
    "parked": _of("parked_fact", "a", "tab, ver"),
    "authority": _of("authority", "ws", "tab, source, floor, high, facts, checksum, counted"),
    "dead_letter": _of("dead_letter", "ws", "topic, part, pos, key, reason, body, released_at IS NOT NULL"),
    "workspace_pin": _of("workspace_pin", "ws", "key, since"),
    "lane": _of("lane", "", "source, topic, part, as_of, pinned_since"),
    "lane_pin": _of("lane_pin", "", "source, topic, part"),
    "source_request": _of("source_request", "ws", "source, kind"),
    "snapshot_run": _of("snapshot_run", "workspace", "name, as_of, state"),
    "position": _of("ingest_position", "", "topic, part, next"),
    "news": _of("workspace_news", "ws", "true", "ws > 0"),
    "indexes": "SELECT indexdef FROM pg_indexes WHERE schemaname = 'permissions'",
    # Tables that have changed names with others are what the migrations made them, and whatever rests on them does so.
    "columns": """SELECT table_name, ordinal_position, column_name, data_type, is_nullable, column_default
        FROM information_schema.columns WHERE table_schema = 'permissions'""",
    "tables": """SELECT relname, relkind, relpersistence, reloptions FROM pg_class
        WHERE relnamespace = 'permissions'::regnamespace AND relkind IN ('r', 'v')""",
    "triggers": """SELECT tgrelid::regclass::text, tgname, pg_get_triggerdef(oid) FROM pg_trigger
        WHERE tgname = 'keep_past' AND NOT tgisinternal""",
    "constraints": """SELECT conrelid::regclass::text, contype, pg_get_constraintdef(oid) FROM pg_constraint
        WHERE connamespace = 'permissions'::regnamespace""",
    "views": "SELECT viewname, definition FROM pg_views WHERE schemaname = 'permissions'",
    "seen by views": "SELECT tab, count(*), count(data) FROM permissions.stored_fact GROUP BY tab",
    "staged": """SELECT (SELECT count(*) FROM permissions.staged_group_member)
        + (SELECT count(*) FROM permissions.staged_workspace_member) + (SELECT count(*) FROM permissions.staged_grant)
        + (SELECT count(*) FROM permissions.staged_loser), (SELECT run FROM permissions.staging_run)""",
}


async def everything(dsn: str) -> dict[str, list[str]]:
    """What is kept, table by table."""
    connection = await asyncpg.connect(dsn)
    try:
        return {
            name: sorted(str(tuple(row)) for row in await connection.fetch(sql)) for name, sql in EVERYTHING.items()
        }
    finally:
        await connection.close()


def odd_history(seed: int, size: int) -> list[Told]:
    """A random history in the wrong order here and there, with contradictions, odd spellings and signals in it."""
    chance, history = random.Random(seed), History(seed, size)
    told = list(history.told)
    for _ in range(size // 10):
        at = chance.randrange(len(told) - 1)
        told[at], told[at + 1] = told[at + 1], told[at]
        told.insert(chance.randrange(len(told)), _contradiction(chance, chance.choice(told)))
        told.insert(chance.randrange(len(told)), _spelled_otherwise(chance.choice(told)))
    told += _ends(chance, history.workspaces, size)
    told = long_ago(told)
    part = AUTHORITY.partition_of(uuid_of("workspace", "acme"))
    stated = checksum([], size * 3)
    told.insert(size // 2, Told(AUTHORITY.name, part, heartbeat("kafka", "2026-11-01T00:00:00Z", part, "scm")))
    # No other record has the key of this one: partitions have no order between them.
    misplaced = Told(AUTHORITY.name, (part + 1) % 24, group_member("misplaced", "ann", version=size))
    return [*told, Told(AUTHORITY.name, part, stated), misplaced]


def long_ago(told: Sequence[Told]) -> list[Told]:
    """A re-activation waits until the main lanes have passed its time; without one, that of being applied (§2.1).

    Whether it had to would depend on how the topics happen to come.
    """
    return [_of_october(each) if each.topic == IDENTITY.name and not each.poison else each for each in told]


def _of_october(told: Told) -> Told:
    dated = json.loads(told.body) | {"time": "2026-10-01T00:00:00Z"}
    return Told(told.topic, told.partition, json.dumps(dated, separators=(",", ":")).encode())


def _contradiction(chance: random.Random, told: Told) -> Told:
    document = json.loads(told.body)
    if document["type"].endswith("grant.set.v1") and not told.poison:
        document["data"]["role"] = chance.choice(ROLES)
    elif document["type"].endswith("group_member.set.v1") and not told.poison:
        document["data"]["present"] = not document["data"]["present"]
    return Told(told.topic, told.partition, json.dumps(document, separators=(",", ":")).encode(), told.poison)


def _spelled_otherwise(told: Told) -> Told:
    return Told(told.topic, told.partition, json.dumps(json.loads(told.body), indent=1).encode(), told.poison)


def _ends(chance: random.Random, workspaces: Sequence[str], version: int) -> list[Told]:
    """Edges alone: of workspaces, users, groups and nodes that no fact announces."""
    found = []
    for number in range(60):
        of, who = chance.choice([*workspaces, "unheard-of"]), f"nobody-{chance.randrange(20)}"
        body = chance.choice(
            (
                grant(f"repository:{of}-lost", f"user:{who}", chance.choice(ROLES), version + number, of),
                group_member(f"{of}-lost", who, chance.random() < 0.5, version + number, of),
                member(who, chance.choice(("owner", "member", "none")), version + number, of),
            )
        )
        found.append(Told(AUTHORITY.name, AUTHORITY.partition_of(uuid_of("workspace", of)), body))
    return found


def settings_for(dsn: str, kafka: KafkaBroker, topics: FactTopics, folder: Path, least: int) -> PermissionsSettings:
    """Of a service that rebuilds in bulk from so many offsets."""
    return PermissionsSettings.model_validate(
        {
            "database_url": dsn,
            "secrets_dir": folder / uuid4().hex,
            "kafka_bootstrap": kafka.bootstrap,
            "kafka_group": uuid4().hex,
            "authority_topic": topics.names[AUTHORITY.name],
            "identity_topic": topics.names[IDENTITY.name],
            "rebuild_in_bulk_from": least,
        }
    )


@asynccontextmanager
async def rebuilt(settings: PermissionsSettings, topics: FactTopics) -> AsyncIterator[Permissions]:
    """The service, once it has applied all that was told."""
    async with open_permissions(settings) as permissions:
        connection = await asyncpg.connect(settings.database_url.get_secret_value())
        try:
            await topics.applied(connection)
            await until(lambda: _snapshots_are_over(connection))
        finally:
            await connection.close()

        async def whole() -> bool:
            return "rebuild" not in await permissions.health.missing()

        await until(whole)
        yield permissions


async def _snapshots_are_over(connection: Connection) -> bool:
    # Upkeep applies them some time after their last record.
    underway = "SELECT EXISTS (SELECT FROM permissions.snapshot_run WHERE state IN ('planning', 'applying'))"
    return await connection.fetchval(underway) is False


def differences(rows: dict[str, list[str]], other: dict[str, list[str]]) -> dict[str, Any]:
    """Where two ledgers differ, for people to read."""
    return {
        name: (sorted(set(mine) - set(other[name])), sorted(set(other[name]) - set(mine)))
        for name, mine in rows.items()
        if mine != other[name]
    }
