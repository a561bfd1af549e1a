"""Every kind of fact that takes a right away, each on a stage of its own: one user, one repository, one path.

The test run and `python -m bench.authorization` play them; facts are told without a version, which the source adds.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from permissions.sample_facts import (
    event,
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

Facts = Sequence[bytes]


@dataclass(frozen=True, slots=True)
class Stage:
    """A user and a repository that nobody else uses; `of` names the workspace. Names follow from `name`."""

    name: str
    of: str

    @property
    def user(self) -> str:
        """The account."""
        return f"user-{self.name}"

    @property
    def repository(self) -> str:
        """The repository's name, and its slug."""
        return f"repo-{self.name}"

    @property
    def group(self) -> str:
        """The group's name."""
        return f"group-{self.name}"

    @property
    def project(self) -> str:
        """The project's name."""
        return f"P-{self.name}"

    @property
    def image(self) -> str:
        """The image's name inside the workspace."""
        return f"{self.repository}/api"

    def base(self) -> Facts:
        """What is there before anybody has a right."""
        return [project(self.project, of=self.of), self.home(), user(self.user)]

    def home(self, state: str = "active", other: str = "") -> bytes:
        """The repository, in its project or in another."""
        return repository(self.repository, state, of=self.of, project=other or self.project)

    def direct(self, role: str) -> bytes:
        """The user's own grant on the repository."""
        return grant(f"repository:{self.repository}", f"user:{self.user}", role, of=self.of)

    def through(self, node: str, role: str) -> bytes:
        """The group's grant on a node."""
        return grant(node, f"group:{self.group}", role, of=self.of)

    def joined(self, present: bool = True) -> bytes:
        """The user in the group, or out of it."""
        return group_member(self.group, self.user, present, of=self.of)

    def there(self, state: str = "active") -> bytes:
        """The group."""
        return group(self.group, state, of=self.of)


Told = Callable[[Stage], Facts]


@dataclass(frozen=True, slots=True)
class Kind:
    """What leads to WRITE (`before` and then `gives`), and the one fact that ends it.

    `pulls` tells whether pulling ends as well as pushing. `held` kinds come back only after the main lanes have passed
    the moment (authorization.md §2.1, express lane).
    """

    name: str
    before: Told
    gives: Told
    takes: Told
    pulls: bool = True
    held: bool = False


def _nothing(_: Stage) -> Facts:
    return []


def _in_group(stage: Stage) -> Facts:
    return [stage.there(), stage.joined()]


def _elsewhere(stage: Stage) -> str:
    return f"{stage.project}-other"


KINDS: Final[tuple[Kind, ...]] = (
    Kind("user_grant", _nothing, lambda s: [s.direct("write")], lambda s: [s.direct("none")]),
    Kind(
        "group_grant",
        _in_group,
        lambda s: [s.through(f"repository:{s.repository}", "write")],
        lambda s: [s.through(f"repository:{s.repository}", "none")],
    ),
    Kind(
        "membership",
        lambda s: [s.there(), s.through(f"repository:{s.repository}", "write")],
        lambda s: [s.joined()],
        lambda s: [s.joined(present=False)],
    ),
    Kind(
        "project_grant",
        _nothing,
        lambda s: [grant(f"project:{s.project}", f"user:{s.user}", "write", of=s.of)],
        lambda s: [grant(f"project:{s.project}", f"user:{s.user}", "none", of=s.of)],
    ),
    Kind(
        "project_group_grant",
        _in_group,
        lambda s: [s.through(f"project:{s.project}", "create-repo")],
        lambda s: [s.through(f"project:{s.project}", "none")],
    ),
    Kind("owner", _nothing, lambda s: [member(s.user, "owner", of=s.of)], lambda s: [member(s.user, "none", of=s.of)]),
    Kind(
        "owner_group",
        _in_group,
        lambda s: [s.through(f"workspace:{s.of}", "owner")],
        lambda s: [s.through(f"workspace:{s.of}", "none")],
    ),
    Kind(
        "group_deletion",
        lambda s: [s.joined(), s.through(f"repository:{s.repository}", "write")],
        lambda s: [s.there()],
        lambda s: [s.there("deleted")],
    ),
    Kind(
        "move",
        lambda s: [
            project(_elsewhere(s), of=s.of),
            grant(f"project:{s.project}", f"user:{s.user}", "write", of=s.of),
        ],
        lambda s: [s.home()],
        lambda s: [s.home(other=_elsewhere(s))],
    ),
    Kind(
        "archiving",
        lambda s: [s.direct("write")],
        lambda s: [s.home()],
        lambda s: [s.home("archived")],
        pulls=False,
    ),
    Kind(
        "repository_deletion",
        lambda s: [s.direct("write")],
        lambda s: [s.home()],
        lambda s: [s.home("deleted")],
        pulls=False,
    ),
    Kind(
        "project_deletion",
        lambda s: [s.direct("write")],
        lambda s: [project(s.project, of=s.of)],
        lambda s: [project(s.project, "deleted", of=s.of)],
    ),
    Kind(
        "deactivation",
        lambda s: [s.direct("write")],
        lambda s: [user(s.user)],
        lambda s: [user(s.user, active=False)],
        held=True,
    ),
)


def credential_revoked(credential: UUID, account: str) -> bytes:
    """The fact that a credential counts no more, whoever issued it."""
    data = {"id": str(credential), "principal": f"user:{uuid_of('user', account)}", "state": "revoked"}
    return event("identity.credential.set", f"cr:{credential}", data)


def ground(of: str, owner: str) -> Facts:
    """A workspace and somebody who owns it, so that image records can be made."""
    return [workspace(of, of=of), user(owner), member(owner, "owner", of=of)]
