"""One valid event of every type, and a way to spoil it."""

import copy
import json
from typing import Any

WORKSPACE = "a15fb181-db1f-48f7-b41f-e1eff06929d6"
PROJECT = "c0de0000-0000-4000-8000-000000000001"
REPOSITORY = "5f0e0000-0000-4000-8000-000000000001"
ENVIRONMENT = "e77a0000-0000-4000-8000-000000000001"
GROUP = "77aa0000-0000-4000-8000-000000000001"
USER = "504c0000-0000-4000-8000-000000000001"
CREDENTIAL = "0f3c0000-0000-4000-8000-000000000001"
ELSEWHERE = "bbbb0000-0000-4000-8000-000000000001"

DATA: dict[str, tuple[str, dict[str, Any]]] = {
    "scm.workspace.set": (f"ws:{WORKSPACE}", {"slug": "acme", "state": "active"}),
    "scm.project.set": (f"pr:{PROJECT}", {"id": PROJECT, "key": "PAY", "state": "active"}),
    "scm.repository.set": (
        f"re:{REPOSITORY}",
        {"id": REPOSITORY, "project": PROJECT, "slug": "ledger", "state": "active", "is_private": True},
    ),
    "scm.environment.set": (
        f"en:{ENVIRONMENT}",
        {
            "id": ENVIRONMENT,
            "repository": REPOSITORY,
            "name": "Production",
            "stage": "production",
            "admin_only": True,
            "state": "active",
        },
    ),
    "scm.group.set": (
        f"gp:{GROUP}",
        {"id": GROUP, "slug": "developers", "incarnation": 3, "external_id": "okta:00g1", "state": "active"},
    ),
    "scm.group_member.set": (f"gm:{GROUP}:{USER}", {"group": GROUP, "user": USER, "present": True}),
    "scm.workspace_member.set": (f"wm:{WORKSPACE}:{USER}", {"user": USER, "role": "member"}),
    "scm.grant.set": (
        f"gr:repository:{REPOSITORY}:group:{GROUP}",
        {
            "node": {"kind": "repository", "id": REPOSITORY},
            "grantee": {"kind": "group", "id": GROUP},
            "role": "write",
        },
    ),
    "scm.heartbeat": (
        "hb:bitbucket:acme:7",
        {"source": "bitbucket:acme", "as_of": "2026-11-23T10:00:01Z", "mode": "event"},
    ),
    "scm.snapshot.started": (f"sn:{WORKSPACE}", {"snapshot": "01JD", "as_of_version": 918270000}),
    "scm.snapshot.completed": (f"sn:{WORKSPACE}", {"snapshot": "01JD", "facts": 5021733, "checksum": "9f3a"}),
    "scm.checksum": (f"cs:{WORKSPACE}", {"as_of_version": 918273645, "facts": 5021733, "checksum": "9f3a"}),
    "identity.user.set": (f"us:{USER}", {"id": USER, "account": "bob", "active": False, "reason": "scim"}),
    "identity.credential.set": (
        f"cr:{CREDENTIAL}",
        {
            "id": CREDENTIAL,
            "principal": f"user:{USER}",
            "state": "revoked",
            "reason": "leaked",
            "scopes": ["image:read"],
            "bound": {"kind": "project", "id": PROJECT},
            "expires": "2027-01-01T00:00:00Z",
        },
    ),
    "identity.heartbeat": ("hb:scim", {"source": "scim", "as_of": "2026-11-23T10:00:01Z", "mode": "poll"}),
}


def sample(kind: str) -> dict[str, Any]:
    """A valid event of this type, without prefix and version."""
    subject, data = DATA[kind]
    own = {"workspace": WORKSPACE} if kind.startswith("scm.") and not kind.endswith("heartbeat") else {}
    event = {
        "specversion": "1.0",
        "id": "01JD9Q7W",
        "source": "/bridge/bitbucket/acme",
        "time": "2026-11-23T10:00:00.123Z",
        "type": f"dev.moorage.{kind}.v1",
        "subject": subject,
        "sequence": "4711",
        "data": {**own, "version": 918273645, "by": f"user:{USER}", "origin": "api", **copy.deepcopy(data)},
    }
    return event | ({"partitionkey": f"ws:{WORKSPACE}"} if own else {})


def spoiled(kind: str, path: str, value: object) -> bytes:
    """The event with one thing changed; `path` is dotted, and a value of `...` takes it away."""
    event = sample(kind)
    *way, last = path.split(".")
    place: Any = event
    for step in way:
        place = place[step]
    if value is ...:
        del place[last]
    else:
        place[last] = value
    return json.dumps(event).encode()
