"""Differential (R75): SQL and reference agree on random worlds; a role is the maximum over the paths explain shows."""

import random
from uuid import UUID

import pytest

from moorage.access.principal import Principal, PrincipalKind
from moorage.access.role import Role
from moorage.permissions.apply import Apply
from moorage.permissions.batches import Record
from moorage.permissions.memory.ledger import MemoryLedger
from moorage.permissions.ports import Ledger
from moorage.permissions.postgres.ledger import PostgresLedger
from moorage.permissions.records import WorkspaceStanding
from moorage.permissions.sources import LOCAL
from moorage.runtime.clock import SystemClock
from permissions.sample_facts import (
    grant,
    group,
    group_member,
    member,
    project,
    repository,
    user,
    uuid_of,
    workspace,
)

PEOPLE = [f"user{number}" for number in range(8)]
GROUPS = [f"group{number}" for number in range(5)]
REPOSITORIES = [f"repository{number}" for number in range(6)]


def random_world(chance: random.Random) -> list[bytes]:
    """Facts in which about half of everything has been taken away again."""
    facts = [workspace(), *(project(key) for key in ("A", "B"))]
    facts += [repository(each, project=chance.choice("AB")) for each in REPOSITORIES]
    facts += [user(each, chance.random() < 0.8) for each in PEOPLE if chance.random() < 0.8]
    facts += [group(each, chance.choice(["active", "active", "deleted"])) for each in GROUPS[1:]]
    facts += [
        group_member(team, who, chance.random() < 0.7) for team in GROUPS for who in PEOPLE if chance.random() < 0.4
    ]
    facts += [member(each, chance.choice(["owner", "member", "collaborator", "none"])) for each in PEOPLE[:4]]
    nodes = [f"repository:{each}" for each in REPOSITORIES] + ["project:A", "project:B"]
    grantees = [f"user:{each}" for each in PEOPLE] + [f"group:{each}" for each in GROUPS]
    facts += [
        grant(node, grantee, chance.choice(["none", "read", "write", "admin"]))
        for node in nodes
        for grantee in grantees
        if chance.random() < 0.25
    ]
    if chance.random() < 0.3:
        facts.append(grant("workspace:acme", f"group:{chance.choice(GROUPS)}", "owner"))
    return facts


async def told(ledger: Ledger, facts: list[bytes]) -> dict[str, tuple[WorkspaceStanding, dict[UUID, Role]]]:
    """Each person's standing, with roles by the repository's uuid, after checking them against the paths."""
    async with ledger.changing() as change:
        source = await change.sources.declare(LOCAL, None)
    await Apply(ledger, SystemClock()).over_http(source, [Record(n, body) for n, body in enumerate(facts, 1)])
    found = {}
    async with ledger.viewing() as view:
        acme = await view.hierarchy.workspace("acme")
        assert acme is not None
        places = [await view.hierarchy.repository(acme.alias, uuid_of("repository", each)) for each in REPOSITORIES]
        aliases = {place.alias: place.id for place in places if place}
        for account in PEOPLE:
            who = Principal(PrincipalKind.USER, uuid_of("user", account))
            standing = await view.standings.of(who, None, acme.alias, list(aliases))
            for alias in aliases:
                paths = await view.standings.paths(who, acme.alias, alias)
                assert max((path.role for path in paths), default=Role.NONE) == standing.roles.get(alias, Role.NONE)
                assert [path.role for path in paths] == sorted((path.role for path in paths), reverse=True)
            roles = {aliases[alias]: role for alias, role in standing.roles.items()}
            found[account] = (standing, roles)
    return found


@pytest.mark.parametrize("seed", range(8))
async def test_sql_agrees_with_the_reference(postgres_ledger: PostgresLedger, seed: int) -> None:
    """Roles, membership and activity of everybody on everything."""
    facts = random_world(random.Random(seed))
    by_sql, by_reference = await told(postgres_ledger, facts), await told(MemoryLedger(), facts)
    for account in PEOPLE:
        sql, reference = by_sql[account], by_reference[account]
        assert sql[1] == reference[1]
        assert sql[0].membership == reference[0].membership
        assert sql[0].principal_active == reference[0].principal_active
