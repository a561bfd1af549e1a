"""The main job, as one story: a real image is pushed and pulled under permissions inherited from a repository.

It is told by whatever registry a subclass's fixture gives, whichever door its facts come in by.
"""

import itertools
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import aiohttp
import pytest

from moorage.standalone.demo import demo_id
from servers.client_process import Client, Outcome
from servers.clients import Crane, Podman, Skopeo
from servers.images import blob_path, digests_of, multi_arch_layout
from servers.places import CACHE
from servers.registry import Login

TOOL = "acme/hello/tool"


class Registry(Protocol):
    """What the story needs of a running registry."""

    @property
    def address(self) -> str: ...

    @property
    def logins(self) -> dict[str, Login]: ...

    async def command(self, *arguments: str, user: str | None = None, typed: str = "") -> Outcome: ...

    async def tell(self, facts: Sequence[dict[str, Any]]) -> None: ...

    async def applied(self) -> None:
        """Returns when what was told is in force: at once where telling waits for that."""


def grant(repository: str, user: str, role: str) -> dict[str, Any]:
    """The fact that `user` has `role` on `repository` of the demo's workspace; `none` takes it away."""
    workspace, node, grantee = (
        str(demo_id(*it)) for it in (("workspace", "acme"), ("repository", repository), ("user", user))
    )
    return {
        "specversion": "1.0",
        "id": f"story-{repository}-{user}-{role}",
        "source": "/story",
        "time": "2026-11-24T10:00:00Z",
        "type": "dev.moorage.scm.grant.set.v1",
        "subject": f"gr:repository:{node}:user:{grantee}",
        "partitionkey": f"ws:{workspace}",
        "data": {
            "workspace": workspace,
            "node": {"kind": "repository", "id": node},
            "grantee": {"kind": "user", "id": grantee},
            "role": role,
        },
    }


class MainJob:
    """The story's tests are its chapters, told in order by one registry."""

    @pytest.fixture
    def registry(self) -> Any:
        """A running Registry."""
        raise NotImplementedError

    async def test_the_main_job(self, registry: Registry, tmp_path: Path) -> None:
        """Push, pull, refuse, create, open to the workspace, revoke: each right follows from a fact."""
        with tempfile.TemporaryDirectory(prefix="moorage-") as homes:  # podman refuses paths over 50 characters
            story = Story(registry, tmp_path, Path(homes))
            await story.alice_pushes_and_readers_pull()
            await story.outsiders_are_refused()
            await story.a_writer_pushes_but_creates_nothing()
            await story.the_workspace_may_pull_when_an_admin_says_so()
            await story.a_removed_reader_is_refused_with_an_unexpired_token()


class Story:
    """The chapters; each one asserts what its reader would see in the terminal."""

    def __init__(self, registry: Registry, folder: Path, homes: Path) -> None:
        self._registry = registry
        self._folder = folder
        self._homes = homes
        self._numbers = itertools.count()
        self._layout = multi_arch_layout(CACHE)

    async def _as(self, user: str | None, program: type[Client] = Skopeo) -> Any:
        client: Any = program(self._registry.address, self._homes / str(next(self._numbers)))
        if user:
            login = self._registry.logins[user]
            outcome = await client.login(login.username, login.token)
            assert outcome.succeeded, outcome
        return client

    async def _pulled_equals_pushed(self, client: Any, image: str) -> None:
        pulled = self._folder / f"pulled-{next(self._numbers)}"
        outcome = await client.pull(image, pulled)
        assert outcome.succeeded, outcome
        assert digests_of(pulled) == digests_of(self._layout)
        for digest in digests_of(self._layout).blobs:
            assert blob_path(pulled, digest).read_bytes() == blob_path(self._layout, digest).read_bytes()

    async def alice_pushes_and_readers_pull(self) -> None:
        """A two-platform image by the repository's admin creates its record; bob and carol read the same bytes."""
        outcome = await (await self._as("alice")).push(self._layout, f"{TOOL}:1.0")
        assert outcome.succeeded, outcome
        await self._pulled_equals_pushed(await self._as("bob", Crane), f"{TOOL}:1.0")
        await self._pulled_equals_pushed(await self._as("carol"), f"{TOOL}:1.0")
        podman = await self._as("carol", Podman)
        for platform in ("linux/amd64", "linux/arm64"):
            outcome = await podman.pull(f"{TOOL}:1.0", platform=platform)
            assert outcome.succeeded, outcome

    async def outsiders_are_refused(self) -> None:
        """Whoever lacks READ can't tell a hidden image from none."""
        for user in ("dave", "mallory", None):
            refused = await (await self._as(user)).inspect(f"{TOOL}:1.0")
            absent = await (await self._as(user)).inspect("acme/hello/nothing:1.0")
            assert not refused.succeeded
            assert refused.stderr.replace("tool", "nothing").split("msg=")[-1] == absent.stderr.split("msg=")[-1]

    async def a_writer_pushes_but_creates_nothing(self) -> None:
        """WRITE pushes a new version; a new name waits for an admin's record."""
        bob = await self._as("bob", Crane)
        assert (await bob.push(self._layout, f"{TOOL}:1.1")).succeeded
        refused = await bob.push(self._layout, "acme/hello/new:1.0")
        assert not refused.succeeded
        assert "admin" in refused.stderr
        created = await self._registry.command(
            "image", "create", "acme/hello/new", "--repository", "hello", user="alice"
        )
        assert created.succeeded, created
        outcome = await bob.push(self._layout, "acme/hello/new:1.0")
        assert outcome.succeeded, outcome

    async def the_workspace_may_pull_when_an_admin_says_so(self) -> None:
        """`workspace` visibility reaches dave, who has no grant, and not mallory, who is no member."""
        shown = await self._registry.command("image", "set", TOOL, "--visibility", "workspace", user="alice")
        assert shown.succeeded, shown
        await self._pulled_equals_pushed(await self._as("dave"), f"{TOOL}:1.0")
        assert not (await (await self._as("mallory")).inspect(f"{TOOL}:1.0")).succeeded
        hidden = await self._registry.command("image", "set", TOOL, "--visibility", "inherit", user="alice")
        assert hidden.succeeded, hidden

    async def a_removed_reader_is_refused_with_an_unexpired_token(self) -> None:
        """One fact, and carol's next request fails, though her bearer token is good for minutes."""
        url = f"http://{self._registry.address}"
        login = self._registry.logins["carol"]
        async with aiohttp.ClientSession(base_url=url) as session:
            basic = {"Authorization": aiohttp.encode_basic_auth(login.username, login.token)}
            query = {"service": "moorage", "scope": f"repository:{TOOL}:pull"}
            async with session.get("/token", params=query, headers=basic) as answer:
                bearer = {"Authorization": f"Bearer {(await answer.json())['token']}"}
            async with session.get(f"/v2/{TOOL}/manifests/1.0", headers=bearer) as before:
                assert before.status == 200
            await self._registry.tell([grant("hello", "carol", "none")])
            await self._registry.applied()
            async with session.get(f"/v2/{TOOL}/manifests/1.0", headers=bearer) as after:
                assert after.status == 404
                assert (await after.json())["errors"][0]["code"] == "NAME_UNKNOWN"
