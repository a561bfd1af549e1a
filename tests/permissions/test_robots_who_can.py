"""Who can: robots are listed where their bound and their scopes let them, over both ledgers (§1.4, §4)."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

from moorage.access import explain_wire
from moorage.access.frames import EntityKind
from moorage.access.principal import ALL_SCOPES, Bound, PrincipalKind, Scope
from moorage.access.role import Role
from moorage.permissions import rows
from moorage.permissions.ports import Ledger
from moorage.permissions.records import Credential
from moorage.permissions.slots import Entity
from permissions.conftest import site_over
from permissions.sample_facts import small_workspace, uuid_of

ACME = Bound("workspace", frozenset({uuid_of("workspace", "acme")}))
PAY = Bound("project", frozenset({uuid_of("project", "PAY")}))
HELLO = Bound("repository", frozenset({uuid_of("repository", "hello")}))
LEDGER = Bound("repository", frozenset({uuid_of("repository", "ledger")}))
MISLEADING = Bound("project", frozenset({uuid_of("repository", "hello")}))
NOW = datetime.now(UTC)
READ = frozenset({Scope.READ})
WRITE = frozenset({Scope.READ, Scope.WRITE})


def robot(name: str, bound: Bound | None, role: Role | None, scopes: frozenset[Scope] = ALL_SCOPES) -> Credential:
    """A robot's credential."""
    return Credential(0, uuid4(), PrincipalKind.ROBOT, None, name, scopes, bound, role, False, True, None, NOW)


ROBOTS = [
    robot("of-acme", ACME, Role.READ),
    robot("of-pay", PAY, Role.WRITE),
    robot("of-hello", HELLO, Role.ADMIN),
    robot("that-only-reads", HELLO, Role.ADMIN, READ),
    robot("that-only-deletes", HELLO, Role.ADMIN, frozenset({Scope.DELETE})),
    robot("that-lasts", HELLO, Role.WRITE, WRITE),
    replace(robot("that-is-over", HELLO, Role.WRITE), expires=NOW - timedelta(1)),
    replace(robot("that-is-revoked", HELLO, Role.WRITE), active=False),
    robot("of-ledger", LEDGER, Role.ADMIN),
    robot("misled", MISLEADING, Role.ADMIN),
    robot("without-bound", None, Role.ADMIN),
    robot("without-role", HELLO, None),
]


async def keep(ledger: Ledger, robots: Sequence[Credential]) -> None:
    """As whoever mints them will."""
    async with ledger.changing() as change:
        for each in robots:
            entity = Entity(EntityKind.CREDENTIAL, None, each.id)
            alias = (await change.facts.intern([entity]))[entity]
            await change.credentials.add(replace(each, alias=alias), each.id.bytes)
            change.log.append(rows.credential_row(alias, 0, each.active, each.expires))


async def test_robots_are_listed_inside_their_bounds(ledger: Ledger, tmp_path: Path) -> None:
    """By role; nobody who is revoked, expired, elsewhere, or without a scope for it."""
    site = await site_over(ledger, tmp_path)
    await site.ingest(small_workspace())
    image, identity = await site.image(), await site.login("bob")
    await keep(ledger, ROBOTS)
    expected = {
        "read": {
            "of-acme": "read",
            "of-pay": "write",
            "of-hello": "admin",
            "that-only-reads": "read",
            "that-lasts": "write",
        },
        "write": {"of-pay": "write", "of-hello": "admin", "that-lasts": "write"},
        "admin": {"of-hello": "admin"},
    }
    for role, robots in expected.items():
        request = explain_wire.WhoCanRequest.model_validate({"identity": identity, "image": image.id, "role": role})
        answer = await site.authority.who_can(request)
        assert {each.name: each.role for each in answer.robots} == robots
        assert {each.account for each in answer.holders} >= {"ada", "bob"}


async def test_a_robot_is_listed_with_its_path(ledger: Ledger, tmp_path: Path) -> None:
    """From its credential by its bound to the image."""
    site = await site_over(ledger, tmp_path)
    await site.ingest(small_workspace())
    image, identity = await site.image(), await site.login("bob")
    await keep(ledger, ROBOTS[1:2])
    answer = await site.authority.who_can(explain_wire.WhoCanRequest(identity=identity, image=image.id))
    ((path,),) = [each.paths for each in answer.robots]
    repository = uuid_of("repository", "hello")
    assert [each.fact for each in path.via] == [f"cr:{ROBOTS[1].id}", f"re:{repository}", f"im:{image.id}"]
    assert [each.text for each in path.via] == [
        "robot of-pay has write inside its project, with image:admin, image:delete, image:read, image:write",
        "hello is in this project",
        "linked to hello since link_gen 1",
    ]


async def test_pages_leave_nobody_out(ledger: Ledger, tmp_path: Path) -> None:
    """Users and robots in one order, at the position of the first page."""
    site = await site_over(ledger, tmp_path)
    await site.ingest(small_workspace())
    image, identity = await site.image(), await site.login("bob")
    await keep(ledger, ROBOTS)
    seen: list[UUID] = []
    cursor = None
    while True:
        request = explain_wire.WhoCanRequest(identity=identity, image=image.id, cursor=cursor, limit=2)
        page = await site.authority.who_can(request)
        ids = [*(each.user for each in page.holders), *(each.credential for each in page.robots)]
        assert len(ids) <= 2
        seen += sorted(ids)
        cursor = page.cursor
        if cursor is None:
            break
        await keep(ledger, [robot("late", HELLO, Role.ADMIN)])
    whole = await site.authority.who_can(explain_wire.WhoCanRequest(identity=identity, image=image.id, at=page.token))
    expected = [*(each.user for each in whole.holders), *(each.credential for each in whole.robots)]
    assert seen == sorted(expected)
    assert len(whole.robots) == 5
