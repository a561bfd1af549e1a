"""What sources say beside plain facts, through a real broker: snapshots, re-activations, transfers, new groups."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest

from faults.fact_topics import FactTopics, fact_topics
from faults.histories import Told
from faults.waiting import until
from moorage.access.principal import Principal, PrincipalKind
from moorage.events.topics import AUTHORITY, IDENTITY
from moorage.permissions.app import open_permissions
from moorage.permissions.postgres.ledger import PostgresLedger
from moorage.permissions.settings import PermissionsSettings
from moorage.runtime.clock import SystemClock
from moorage.runtime.postgres import Database
from permissions.sample_facts import (
    event,
    grant,
    group,
    group_member,
    project,
    repository,
    user,
    uuid_of,
    workspace,
)
from permissions.sample_snapshots import heartbeat, timed, whole
from servers.kafka import KafkaBroker

ACME, NEW, BOB, HELLO = (
    uuid_of("workspace", "acme"),
    uuid_of("workspace", "new"),
    uuid_of("user", "bob"),
    uuid_of("repository", "hello"),
)
SITE = [
    workspace(version=1),
    project(version=2),
    repository("hello", version=3),
    group("devs", version=4),
    group_member("devs", "bob", version=5),
    grant("project:PAY", "group:devs", "write", 6),
]


class Site:
    """A service that follows topics of its own, and what its ledger says."""

    def __init__(self, topics: FactTopics, ledger: PostgresLedger) -> None:
        self._topics = topics
        self._ledger = ledger

    async def say(self, *bodies: bytes, of: UUID = ACME) -> None:
        """Records of a workspace, in order."""
        part = AUTHORITY.partition_of(of)
        await self._topics.tell([Told(AUTHORITY.name, part, each) for each in bodies])

    async def say_of_bob(self, *bodies: bytes) -> None:
        """Records of the identity topic."""
        await self._topics.tell([Told(IDENTITY.name, IDENTITY.partition_of(BOB), each) for each in bodies])

    async def role(self, of: UUID = ACME) -> int:
        """Bob's role on hello in a workspace."""
        async with self._ledger.viewing() as view:
            found = await view.hierarchy.workspace_by_id(of)
            kept = await view.hierarchy.repository(found.alias, HELLO) if found else None
            if found is None or kept is None or not kept.state.carries_roles:
                return 0
            standing = await view.standings.of(Principal(PrincipalKind.USER, BOB), None, found.alias, [kept.alias])
            return int(standing.roles.get(kept.alias, 0)) if standing.principal_active else 0

    async def becomes(self, role: int, of: UUID = ACME) -> None:
        """Returns when bob has the role."""

        async def so() -> bool:
            return await self.role(of) == role

        await until(so)

    async def applied(self, topic: str, part: int, record: int) -> None:
        """Returns when so many records of a partition have been applied."""

        async def so() -> bool:
            async with self._ledger.viewing() as view:
                return await view.positions.of(self._topics.names[topic], part) >= record

        await until(so)


@pytest.fixture
async def site(kafka: KafkaBroker, fresh_dsn: str, tmp_path: Path) -> AsyncIterator[Site]:
    """A service over fresh topics."""
    async with AsyncExitStack() as stack:
        topics = await stack.enter_async_context(fact_topics(kafka))
        settings = PermissionsSettings(
            database_url=fresh_dsn,
            secrets_dir=tmp_path / "secrets",
            kafka_bootstrap=kafka.bootstrap,
            kafka_group=f"permissions-{topics.names[AUTHORITY.name]}",
            authority_topic=topics.names[AUTHORITY.name],
            identity_topic=topics.names[IDENTITY.name],
        )
        await stack.enter_async_context(open_permissions(settings))
        database = await stack.enter_async_context(await Database.open(fresh_dsn, "permissions", size=2))
        yield Site(topics, PostgresLedger(database, SystemClock()))


def now(ago: float = 0) -> str:
    """So many seconds ago."""
    return (datetime.now(UTC) - timedelta(seconds=ago)).isoformat()


async def test_a_snapshot_over_kafka_replaces_the_workspace(site: Site) -> None:
    """What it does not have ends; it is applied behind the consumer, which goes on."""
    await site.say_of_bob(user("bob", version=1))
    await site.say(*SITE)
    await site.becomes(2)
    news = [*SITE[:4], grant("repository:hello", "user:bob", "read", 20)]
    await site.say(*whole("s1", 30, news))
    await site.becomes(1)
    await site.say(group_member("devs", "bob", version=31), grant("project:PAY", "group:devs", "admin", 32))
    await site.becomes(3)


async def test_removed_from_all_groups_then_reactivated_never_revives(site: Site) -> None:
    """The identity topic is ahead of the other one by the removal: bob comes back without his groups (§2.1)."""
    part = AUTHORITY.partition_of(ACME)
    await site.say_of_bob(user("bob", version=1))
    await site.say(*SITE, heartbeat("kafka", now(60), part))
    await site.becomes(2)
    await site.say_of_bob(user("bob", active=False, version=10), timed(user("bob", version=12), now(5)))
    await site.becomes(0)
    await site.applied(IDENTITY.name, IDENTITY.partition_of(BOB), 3)
    assert await site.role() == 0
    await site.say(group_member("devs", "bob", present=False, version=11), heartbeat("kafka", now(), part))
    await site.applied(AUTHORITY.name, part, len(SITE) + 3)
    await site.say(grant("repository:hello", "user:bob", "read", 13))
    await site.becomes(1)


@pytest.mark.parametrize("old_first", [True, False])
async def test_a_transfer_in_either_order_leaves_one_place(site: Site, *, old_first: bool) -> None:
    """The two facts are in two partitions, and either may be the first (§2.2)."""
    await site.say_of_bob(user("bob", version=1))
    await site.say(*SITE, grant("repository:hello", "user:bob", "admin", 7))
    await site.becomes(3)
    await site.say(workspace("new", version=8, of="new"), project(of="new", version=9), of=NEW)
    there = [repository("hello", version=12, of="new"), grant("repository:hello", "user:bob", "read", 13, of="new")]

    async def leave() -> None:
        await site.say(repository("hello", "transferred", 11))
        await site.becomes(0)

    async def arrive() -> None:
        await site.say(*there, of=NEW)
        await site.becomes(1, NEW)

    steps: list[Callable[[], Awaitable[None]]] = [leave, arrive] if old_first else [arrive, leave]
    for step in steps:
        await step()
    assert (await site.role(), await site.role(NEW)) == (0, 1)


async def test_a_group_made_again_has_none_of_the_old_members(site: Site) -> None:
    """Its deletion is one fact, and its name says nothing (E2, E3)."""
    await site.say_of_bob(user("bob", version=1))
    await site.say(*SITE)
    await site.becomes(2)
    await site.say(group("devs", "deleted", 10))
    await site.becomes(0)
    again = str(uuid_of("group", "devs again"))
    data = {"workspace": str(ACME), "id": again, "slug": "devs", "incarnation": 2, "state": "active"}
    given = json.loads(grant("project:PAY", "group:devs again", "admin", 12))
    await site.say(event("scm.group.set", f"gp:{again}", data, 11), json.dumps(given).encode())
    await site.applied(AUTHORITY.name, AUTHORITY.partition_of(ACME), len(SITE) + 3)
    assert await site.role() == 0
    await site.say(group_member("devs again", "bob", version=13))
    await site.becomes(3)
