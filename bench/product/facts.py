"""The workspace of the bench as facts: one repository, and users who may do everything with its images."""

from typing import Any, Final
from uuid import NAMESPACE_URL, uuid5

from bench.names import PRINCIPALS, WORKSPACE

REPOSITORY: Final = "code"
ACCOUNTS: Final = tuple(f"bench-{number}" for number in range(1, PRINCIPALS + 1))

Fact = dict[str, Any]


def facts() -> list[Fact]:
    """All of them, as `moorage facts apply` takes them."""
    project, repository = _id("project"), _id("repository")
    nodes = [
        _fact("workspace.set", slug=WORKSPACE, state="active"),
        _fact("project.set", id=project, key="BENCH", state="active"),
        _fact("repository.set", id=repository, project=project, slug=REPOSITORY, state="active", is_private=True),
    ]
    return [*nodes, *(fact for account in ACCOUNTS for fact in _user(account, repository))]


def _user(account: str, repository: str) -> list[Fact]:
    user = _id(account)
    grant = {"node": {"kind": "repository", "id": repository}, "grantee": {"kind": "user", "id": user}}
    return [
        {"type": "user.set.v1", "data": {"id": user, "account": account, "active": True}},
        _fact("workspace_member.set", user=user, role="member"),
        _fact("grant.set", role="admin", **grant),
    ]


def _fact(kind: str, **data: Any) -> Fact:
    return {"type": f"{kind}.v1", "data": {"workspace": _id("workspace"), **data}}


def _id(name: str) -> str:
    return str(uuid5(NAMESPACE_URL, f"moorage:bench:{name}"))
