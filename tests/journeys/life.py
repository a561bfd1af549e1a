"""A repository of the demo's workspace with one image, people who stand to it, and what they opened before it changed.

Everybody keeps the bearer token and the upload session of the beginning: what changes has to bite those.
"""

import itertools
import json
import os
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID, uuid4

from hostile.attacker import Answer, Attacker, digest
from moorage.standalone.demo import demo_id

WORKSPACE: Final = demo_id("workspace", "acme")
OWNER: Final = "dave"
ADMIN, WRITER, READER, OUTSIDER = "alice", "bob", "carol", "mallory"
NUMBERS: Final = itertools.count(1)
_SCOPES: Final = "pull,push,delete"


def user_id(name: str) -> UUID:
    """The demo's user."""
    return demo_id("user", name)


async def tell(attacker: Attacker, suffix: str, subject: str, **data: Any) -> str:
    """One fact by hand, applied when this returns; the position it is in force at."""
    event = {
        "specversion": "1.0",
        "id": str(uuid4()),
        "source": "/life",
        "type": f"dev.moorage.{suffix}.v1",
        "subject": subject,
        "data": data,
    }
    told = await attacker.ask(
        "POST",
        "/internal/v1/facts",
        auth=f"Bearer {attacker.secrets['operator']}",
        body=json.dumps(event).encode() + b"\n",
        internal=True,
    )
    assert told.status == 200, told.body
    return str(told.json["token"])


async def become_owner(attacker: Attacker, user: str, workspace: UUID = WORKSPACE) -> None:
    """Makes a user an owner of the workspace."""
    subject = f"wm:{workspace}:{user_id(user)}"
    await tell(
        attacker,
        "scm.workspace_member.set",
        subject,
        workspace=str(workspace),
        user=str(user_id(user)),
        role="owner",
    )


async def workspace_is(life: "Life", state: str) -> None:
    """The workspace, in a new state."""
    subject = f"ws:{WORKSPACE}"
    life.seen = await tell(
        life.attacker, "scm.workspace.set", subject, workspace=str(WORKSPACE), slug="acme", state=state
    )


@dataclass
class Life:
    """One repository, from its beginning."""

    attacker: Attacker
    slug: str
    id: UUID = field(default_factory=uuid4)
    project: UUID = field(default_factory=uuid4)
    bearer: dict[str, str] = field(default_factory=dict)
    layer: bytes = field(default_factory=lambda: os.urandom(64))
    seen: str = ""
    """The position of the last fact: who insists on it is not answered from before."""

    @property
    def image(self) -> str:
        """Its image's whole name."""
        return f"acme/{self.slug}/tool"

    async def begin(self) -> None:
        """Facts, an image, and a bearer token for everybody."""
        await self.be_project(self.project)
        await self.be("active")
        for user, role in ((ADMIN, "admin"), (WRITER, "write"), (READER, "read")):
            await self.grant(user, role)
        await self.attacker.push(ADMIN, self.image, self.layer)
        for user in (ADMIN, WRITER, READER, OUTSIDER, OWNER):
            self.bearer[user] = await self.attacker.bearer(user, f"repository:{self.image}:{_SCOPES}")

    async def be_project(self, project: UUID, state: str = "active") -> None:
        """A project of the workspace."""
        key = f"P{project.hex[:6].upper()}"
        self.seen = await tell(
            self.attacker,
            "scm.project.set",
            f"pr:{project}",
            workspace=str(WORKSPACE),
            id=str(project),
            key=key,
            state=state,
        )

    async def be(self, state: str, **more: Any) -> None:
        """The repository, whole, in a new state."""
        whole = {"project": str(self.project), "slug": self.slug, "is_private": True} if state != "transferred" else {}
        self.seen = await tell(
            self.attacker,
            "scm.repository.set",
            f"re:{self.id}",
            workspace=str(WORKSPACE),
            id=str(self.id),
            state=state,
            **(whole | more),
        )

    async def grant(self, user: str, role: str, *, node: str = "repository", on: UUID | None = None) -> None:
        """A user's role on the repository, or on a project."""
        place = on or self.id
        self.seen = await tell(
            self.attacker,
            "scm.grant.set",
            f"gr:{node}:{place}:user:{user_id(user)}",
            workspace=str(WORKSPACE),
            node={"kind": node, "id": str(place)},
            grantee={"kind": "user", "id": str(user_id(user))},
            role=role,
        )

    async def pulls(self, user: str) -> int:
        """The status of a pull by tag, with the token of the beginning."""
        return (await self.pull(user)).status

    async def pull(self, user: str, reference: str = "latest") -> Answer:
        """A pull with the token of the beginning."""
        headers = [("Moorage-Authz-Min-Token", self.seen)]
        path = f"/v2/{self.image}/manifests/{reference}"
        return await self.attacker.ask("GET", path, auth=self.bearer[user], headers=headers)

    async def begins_upload(self, user: str) -> str:
        """Opens an upload session with the token of the beginning; its path."""
        opened = await self.attacker.ask("POST", f"/v2/{self.image}/blobs/uploads/", auth=self.bearer[user])
        assert opened.status == 202, opened.body
        return opened.header("Location")

    async def goes_on(self, user: str, session: str) -> Answer:
        """One more chunk, with the token of the beginning."""
        headers = [("Moorage-Authz-Min-Token", self.seen)]
        return await self.attacker.ask("PATCH", session, auth=self.bearer[user], headers=headers, body=b"more")

    async def pushes(self, user: str) -> Answer:
        """A blob in one request, with the token of the beginning."""
        blob = os.urandom(32)
        path = f"/v2/{self.image}/blobs/uploads/?digest={digest(blob)}"
        headers = [("Moorage-Authz-Min-Token", self.seen)]
        return await self.attacker.ask("POST", path, auth=self.bearer[user], headers=headers, body=blob)

    async def manage(self, user: str, method: str, path: str, body: Any = None) -> Answer:
        """The management API, as the image's id; the position of a change counts from then on."""
        answer = await self.attacker.manage(method, path, body, auth=self.attacker.basic(user))
        self.seen = answer.header("Moorage-Authz-Token") or self.seen
        return answer


def refusal(answer: Answer) -> tuple[int, str, str | None]:
    """Status, code and reason of an OCI error."""
    error = answer.json["errors"][0]
    return answer.status, error["code"], (error.get("detail") or {}).get("reason")
