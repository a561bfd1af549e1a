"""The demo's little world, as facts: one workspace, two repositories, and five people who stand differently to them.

    alice     admin of hello
    bob       write on hello, through the group developers
    carol     read on hello
    dave      a member of the workspace without any grant
    mallory   not a member of the workspace

Ids are derived from names, so telling the same facts again changes nothing. Pure.
"""

import json
from typing import Any, Final
from uuid import UUID, uuid5

WORKSPACE: Final = "acme"
USERS: Final = ("alice", "bob", "carol", "dave", "mallory")
MEMBERS: Final = ("alice", "bob", "carol", "dave")
REPOSITORIES: Final = ("hello", "ledger")

Event = dict[str, Any]


def demo_id(kind: str, name: str) -> UUID:
    """The id of one of the demo's entities."""
    return uuid5(UUID("5d5f0c3e-5f0a-4d0e-9a40-2f1d9a3f6c11"), f"{kind}:{name}")


def demo_facts(source: str, time: str) -> bytes:
    """All facts as one batch of NDJSON, told by `source` at `time` (RFC 3339)."""
    events = [*_users(), *_nodes(), *_members(), *_grants()]
    envelope = {"specversion": "1.0", "source": source, "time": time}
    return b"".join(_encoded(envelope | {"id": f"demo-{number}"} | event) for number, event in enumerate(events, 1))


def _encoded(event: Event) -> bytes:
    return json.dumps(event, separators=(",", ":")).encode() + b"\n"


def _users() -> list[Event]:
    return [
        _identity_fact("user.set", f"us:{_user(name)}", id=_user(name), account=name, active=True) for name in USERS
    ]


def _nodes() -> list[Event]:
    project, group = _id("project", "DEMO"), _id("group", "developers")
    repositories = [(_id("repository", slug), slug) for slug in REPOSITORIES]
    return [
        _fact("workspace.set", f"ws:{_workspace()}", slug=WORKSPACE, state="active"),
        _fact("project.set", f"pr:{project}", id=project, key="DEMO", state="active"),
        *(
            _fact("repository.set", f"re:{id_}", id=id_, project=project, slug=slug, state="active", is_private=True)
            for id_, slug in repositories
        ),
        _fact("group.set", f"gp:{group}", id=group, slug="developers", incarnation=1, state="active"),
    ]


def _members() -> list[Event]:
    group, bob = _id("group", "developers"), _user("bob")
    return [
        *(
            _fact("workspace_member.set", f"wm:{_workspace()}:{_user(name)}", user=_user(name), role="member")
            for name in MEMBERS
        ),
        _fact("group_member.set", f"gm:{group}:{bob}", group=group, user=bob, present=True),
    ]


def _grants() -> list[Event]:
    hello = _id("repository", "hello")
    grants = [("user", _user("alice"), "admin"), ("group", _id("group", "developers"), "write")]
    return [
        _fact(
            "grant.set",
            f"gr:repository:{hello}:{kind}:{grantee}",
            node={"kind": "repository", "id": hello},
            grantee={"kind": kind, "id": grantee},
            role=role,
        )
        for kind, grantee, role in [*grants, ("user", _user("carol"), "read")]
    ]


def _fact(kind: str, subject: str, **data: Any) -> Event:
    workspace = _workspace()
    return {
        "type": f"dev.moorage.scm.{kind}.v1",
        "subject": subject,
        "partitionkey": f"ws:{workspace}",
        "data": {"workspace": workspace, **data},
    }


def _identity_fact(kind: str, subject: str, **data: Any) -> Event:
    return {"type": f"dev.moorage.identity.{kind}.v1", "subject": subject, "partitionkey": subject, "data": data}


def _id(kind: str, name: str) -> str:
    return str(demo_id(kind, name))


def _user(name: str) -> str:
    return _id("user", name)


def _workspace() -> str:
    return _id("workspace", WORKSPACE)
