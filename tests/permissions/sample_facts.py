"""A small workspace in facts, as a bridge writes them: acme with project PAY, repositories hello and ledger, people."""

import json
from collections.abc import Sequence
from typing import Any
from uuid import NAMESPACE_DNS, UUID, uuid5


def uuid_of(kind: str, name: str) -> UUID:
    """The uuid of a named thing."""
    return uuid5(NAMESPACE_DNS, f"{kind}.{name}.moorage.test")


def event(suffix: str, subject: str, data: dict[str, Any], version: int | None = None) -> bytes:
    """A fact as bytes; without a version, a manual source's is numbered by permissions."""
    numbered = data if version is None else {**data, "version": version}
    return json.dumps(
        {
            "specversion": "1.0",
            "id": f"{subject}@{version}",
            "source": "/tests",
            "type": f"dev.moorage.{suffix}.v1",
            "subject": subject,
            "data": numbered,
        },
        separators=(",", ":"),
    ).encode()


def workspace(slug: str = "acme", state: str = "active", version: int | None = None, of: str = "acme") -> bytes:
    """A workspace; `of` names its uuid, so that the slug can change."""
    id = str(uuid_of("workspace", of))
    return event("scm.workspace.set", f"ws:{id}", {"workspace": id, "slug": slug, "state": state}, version)


def project(key: str = "PAY", state: str = "active", version: int | None = None, of: str = "acme") -> bytes:
    """A project of the workspace."""
    id = str(uuid_of("project", key))
    data = {"workspace": str(uuid_of("workspace", of)), "id": id, "key": key, "state": state}
    return event("scm.project.set", f"pr:{id}", data, version)


def repository(
    name: str,
    state: str = "active",
    version: int | None = None,
    of: str = "acme",
    project: str = "PAY",
    slug: str | None = None,
) -> bytes:
    """A repository; `name` names its uuid."""
    id = str(uuid_of("repository", name))
    data: dict[str, Any] = {"workspace": str(uuid_of("workspace", of)), "id": id, "state": state}
    if state == "transferred":
        data |= {"to_workspace": str(uuid_of("workspace", "elsewhere"))}
    else:
        data |= {"project": str(uuid_of("project", project)), "slug": slug or name}
    return event("scm.repository.set", f"re:{id}", data, version)


def environment(
    name: str, repository: str, state: str = "active", version: int | None = None, of: str = "acme"
) -> bytes:
    """An environment of a repository; `name` names its uuid."""
    id = str(uuid_of("environment", name))
    data = {
        "workspace": str(uuid_of("workspace", of)),
        "id": id,
        "repository": str(uuid_of("repository", repository)),
        "name": name,
        "stage": "production",
        "state": state,
    }
    return event("scm.environment.set", f"en:{id}", data, version)


def user(account: str, active: bool = True, version: int | None = None) -> bytes:
    """A user."""
    id = str(uuid_of("user", account))
    return event("identity.user.set", f"us:{id}", {"id": id, "account": account, "active": active}, version)


def credential(
    name: str, account: str, state: str = "active", version: int | None = None, scopes: Sequence[str] = ("image:write",)
) -> bytes:
    """A credential of a user that somebody else has issued; `name` names its uuid."""
    id = str(uuid_of("credential", name))
    principal = f"user:{uuid_of('user', account)}"
    data = {"id": id, "principal": principal, "state": state, "scopes": sorted(scopes)}
    return event("identity.credential.set", f"cr:{id}", data, version)


def group(slug: str, state: str = "active", version: int | None = None, of: str = "acme") -> bytes:
    """A group."""
    id = str(uuid_of("group", slug))
    data = {"workspace": str(uuid_of("workspace", of)), "id": id, "slug": slug, "state": state}
    return event("scm.group.set", f"gp:{id}", data, version)


def group_member(group: str, account: str, present: bool = True, version: int | None = None, of: str = "acme") -> bytes:
    """A user in a group, or out of it."""
    g, u = str(uuid_of("group", group)), str(uuid_of("user", account))
    data = {"workspace": str(uuid_of("workspace", of)), "group": g, "user": u, "present": present}
    return event("scm.group_member.set", f"gm:{g}:{u}", data, version)


def member(account: str, role: str, version: int | None = None, of: str = "acme") -> bytes:
    """What the workspace calls a user."""
    w, u = str(uuid_of("workspace", of)), str(uuid_of("user", account))
    return event("scm.workspace_member.set", f"wm:{w}:{u}", {"workspace": w, "user": u, "role": role}, version)


def grant(node: str, grantee: str, role: str, version: int | None = None, of: str = "acme") -> bytes:
    """A grant; node and grantee are `<kind>:<name>`."""
    node_kind, node_name = node.split(":")
    grantee_kind, grantee_name = grantee.split(":")
    n, g = str(uuid_of(node_kind, node_name)), str(uuid_of(grantee_kind, grantee_name))
    data = {
        "workspace": str(uuid_of("workspace", of)),
        "node": {"kind": node_kind, "id": n},
        "grantee": {"kind": grantee_kind, "id": g},
        "role": role,
    }
    return event("scm.grant.set", f"gr:{node_kind}:{n}:{grantee_kind}:{g}", data, version)


def small_workspace() -> list[bytes]:
    """acme: ada owns it, bob is admin of hello, carol writes, rita reads, mia is a member, and olga an outsider."""
    return [
        workspace(),
        project(),
        repository("hello"),
        repository("ledger"),
        *(user(each) for each in ("ada", "bob", "carol", "rita", "mia", "olga")),
        member("ada", "owner"),
        *(member(each, "member") for each in ("bob", "carol", "rita", "mia")),
        group("developers"),
        group_member("developers", "carol"),
        grant("repository:hello", "user:bob", "admin"),
        grant("project:PAY", "group:developers", "write"),
        grant("repository:hello", "user:rita", "read"),
    ]
