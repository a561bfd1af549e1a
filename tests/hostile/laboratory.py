"""A workspace that may be broken: `lab`, with images and tokens to change and to destroy, beside the demo's `acme`."""

import json
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID, uuid5

from hostile.attacker import Answer, Attacker, basic

OWNER: Final = "ivy"
READER: Final = "rex"
SLUG: Final = "lab"
_SPACE: Final = UUID("3b7e2f0c-61d5-4b8e-9a35-d0f4c1a7e822")
_REPOSITORIES: Final = ("bench", "stock")


@dataclass(frozen=True)
class Laboratory:
    """Who is there and what: `images` stay, and what is `doomed` may be deleted, restored and revoked."""

    secrets: dict[str, str]
    images: list[str]
    doomed_images: list[str]
    doomed_tokens: list[str]
    decisions: list[str]
    position: str

    def basic(self, user: str) -> str:
        """The user's token as a Basic password."""
        return basic(user, self.secrets[user])


async def open_laboratory(attacker: Attacker, doomed: int) -> Laboratory:
    """Tells the facts, and makes the rest as the people concerned would."""
    operator = attacker.secrets["operator"]
    told = b"".join(json.dumps(fact).encode() + b"\n" for fact in _facts())
    applied = await attacker.ask("POST", "/internal/v1/facts", auth=f"Bearer {operator}", body=told, internal=True)
    assert applied.status == 200, applied
    secrets = {user: await _secret(attacker, user) for user in (OWNER, READER)}
    ivy = basic(OWNER, secrets[OWNER])
    kept = [await _image(attacker, ivy, f"kept-{number}") for number in range(4)]
    gone = [await _image(attacker, ivy, f"doomed-{number}") for number in range(doomed)]
    tokens = [await _token(attacker, ivy, f"doomed-{number}") for number in range(doomed)]
    return Laboratory(
        secrets=secrets,
        images=[made.json["id"] for made in kept],
        doomed_images=[made.json["id"] for made in gone],
        doomed_tokens=[made.json["token"]["id"] for made in tokens],
        decisions=[made.header("Moorage-Decision-Id") for made in kept],
        position=kept[0].header("Moorage-Authz-Token"),
    )


async def _secret(attacker: Attacker, user: str) -> str:
    made = await attacker.manage(
        "POST", "/api/v1/tokens", {"name": "fuzz", "user": user}, auth=attacker.basic("operator")
    )
    assert made.status == 201, made
    return str(made.json["secret"])


async def _image(attacker: Attacker, auth: str, name: str) -> Answer:
    body = {"name": f"{SLUG}/bench/{name}", "repository": "bench"}
    made = await attacker.manage("POST", "/api/v1/images", body, auth=auth)
    assert made.status == 201, made
    return made


async def _token(attacker: Attacker, auth: str, name: str) -> Answer:
    made = await attacker.manage("POST", "/api/v1/tokens", {"name": name}, auth=auth)
    assert made.status == 201, made
    return made


def _facts() -> list[dict[str, Any]]:
    project = _id("project")
    workspace = [
        *(_identity(user) for user in (OWNER, READER)),
        _scm("workspace.set", f"ws:{_id('workspace')}", slug=SLUG, state="active"),
        _scm("project.set", f"pr:{project}", id=project, key="LAB", state="active"),
        *(_repository(slug, project) for slug in _REPOSITORIES),
        *(_member(user, role) for user, role in ((OWNER, "owner"), (READER, "member"))),
        *(_grant(OWNER, slug, "admin") for slug in _REPOSITORIES),
        _grant(READER, "bench", "read"),
    ]
    envelope = {"specversion": "1.0", "source": "local", "time": "2026-11-24T12:00:00Z"}
    return [envelope | {"id": f"lab-{number}"} | fact for number, fact in enumerate(workspace)]


def _repository(slug: str, project: str) -> dict[str, Any]:
    data = {"id": _id(slug), "project": project, "slug": slug, "state": "active", "is_private": True}
    return _scm("repository.set", f"re:{_id(slug)}", **data)


def _member(user: str, role: str) -> dict[str, Any]:
    return _scm("workspace_member.set", f"wm:{_id('workspace')}:{_id(user)}", user=_id(user), role=role)


def _grant(user: str, slug: str, role: str) -> dict[str, Any]:
    node, grantee = {"kind": "repository", "id": _id(slug)}, {"kind": "user", "id": _id(user)}
    subject = f"gr:repository:{_id(slug)}:user:{_id(user)}"
    return _scm("grant.set", subject, node=node, grantee=grantee, role=role)


def _scm(kind: str, subject: str, **data: Any) -> dict[str, Any]:
    workspace = _id("workspace")
    of = {"type": f"dev.moorage.scm.{kind}.v1", "subject": subject, "partitionkey": f"ws:{workspace}"}
    return {**of, "data": {"workspace": workspace, **data}}


def _identity(user: str) -> dict[str, Any]:
    subject = f"us:{_id(user)}"
    of = {"type": "dev.moorage.identity.user.set.v1", "subject": subject, "partitionkey": subject}
    return {**of, "data": {"id": _id(user), "account": user, "active": True}}


def _id(name: str) -> str:
    return str(uuid5(_SPACE, name))
