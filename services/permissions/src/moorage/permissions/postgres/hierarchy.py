"""Workspaces, repositories and users by name or id."""

from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from moorage.access.image import PublishingDefaults, PushPolicy
from moorage.access.publisher_body import read
from moorage.permissions.postgres.texts import storable
from moorage.permissions.records import Environment, Repository, User, Workspace
from moorage.permissions.rows import STATES
from moorage.runtime.statement import Connection, Statement, fetch_all, fetch_one


@dataclass(frozen=True, slots=True)
class WorkspaceRow:
    """A workspace as it is stored."""

    id: int
    ext: UUID
    slug: str
    state: int
    allow_public: bool
    default_push_policy: str
    default_publishers: list[Any]
    pipeline_create: bool
    ver: int
    src: int

    def value(self) -> Workspace:
        """As the use cases know it."""
        policy, state = PushPolicy(self.default_push_policy), STATES[self.state]
        said = PublishingDefaults(policy, read(self.default_publishers), self.pipeline_create)
        return Workspace(self.id, self.ext, self.slug, state, self.allow_public, said, self.ver, self.src)


_WORKSPACE: Final = """
    SELECT w.id, alias.ext, w.slug, w.state, w.allow_public, w.default_push_policy, w.default_publishers,
           w.pipeline_create, w.ver, w.src
    FROM workspace AS w JOIN alias USING (id)
"""


def workspace_named(slug: str) -> str:
    """A query for the workspace of a name, given as SQL: one that is not deleted, and the one known longest."""
    return f"{_WORKSPACE} WHERE w.slug = {slug} ORDER BY w.state = 3, w.id LIMIT 1"


WORKSPACE_BY_SLUG: Final = Statement(WorkspaceRow, workspace_named("$1"))
WORKSPACE_BY_ID: Final = Statement(
    WorkspaceRow, f"{_WORKSPACE} WHERE alias.ext = $1 AND alias.kind = 'workspace' AND alias.ws = 0"
)


@dataclass(frozen=True, slots=True)
class RepositoryRow:
    """A repository as it is stored; `state` is its project's where that carries no roles."""

    id: int
    ext: UUID
    slug: str | None
    project: UUID | None
    state: int

    def value(self) -> Repository:
        """As the use cases know it."""
        return Repository(self.id, self.ext, self.slug, self.project, STATES[self.state])


_REPOSITORY: Final = """
    SELECT r.id, r.ext, r.slug, p_alias.ext AS project,
           CASE WHEN r.state IN (1, 2) AND p.state > 2 THEN p.state ELSE r.state END AS state
    FROM repository AS r LEFT JOIN project AS p ON p.id = r.project LEFT JOIN alias AS p_alias ON p_alias.id = r.project
"""


def repository_of(ws: str, id: str) -> str:
    """A query for the workspace's repository with an id; the arguments are SQL."""
    return f"{_REPOSITORY} WHERE r.ws = {ws} AND r.ext = {id}"


def repositories_named(ws: str, slug: str) -> str:
    """A query for the workspace's live repositories of a name, two at most; the arguments are SQL."""
    return f"""{_REPOSITORY}
    WHERE r.ws = {ws} AND r.slug = {slug} AND r.state IN (1, 2) AND coalesce(p.state, 1) IN (1, 2) LIMIT 2"""


REPOSITORY_BY_ID: Final = Statement(RepositoryRow, repository_of("$1", "$2"))
REPOSITORIES_BY_SLUG: Final = Statement(RepositoryRow, repositories_named("$1", "$2"))


@dataclass(frozen=True, slots=True)
class EnvironmentRow:
    """An environment as it is stored."""

    id: UUID
    repository: UUID
    state: int

    def value(self) -> Environment:
        """As the use cases know it."""
        return Environment(self.id, self.repository, STATES[self.state])


def environment_of(ws: str, id: str) -> str:
    """A query for the workspace's environment with an id; the arguments are SQL."""
    return f"""
    SELECT own.ext AS id, home.ext AS repository, e.state
    FROM alias AS own JOIN environment AS e ON e.id = own.id JOIN alias AS home ON home.id = e.repository
    WHERE own.ext = {id} AND own.kind = 'environment' AND own.ws = {ws}
    """  # noqa: S608 - constants


ENVIRONMENT_BY_ID: Final = Statement(EnvironmentRow, environment_of("$1", "$2"))
USER_BY_ID: Final = Statement(User, "SELECT id AS alias, ext AS id, account, active FROM principal WHERE ext = $1")
USER_BY_ALIAS: Final = Statement(User, "SELECT id AS alias, ext AS id, account, active FROM principal WHERE id = $1")
USERS_BY_ACCOUNT: Final = Statement(
    User,
    "SELECT id AS alias, ext AS id, account, active FROM principal WHERE account = $1 ORDER BY active DESC LIMIT 2",
)


class PostgresHierarchy:
    """The hierarchy as one connection sees it."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def workspace(self, slug: str) -> Workspace | None:
        """The workspace of this name; of several, one that is not deleted, and the one known longest."""
        if not storable(slug):
            return None
        row = await fetch_one(self._connection, WORKSPACE_BY_SLUG, slug)
        return row.value() if row else None

    async def workspace_by_id(self, id: UUID) -> Workspace | None:
        """The workspace with this id."""
        row = await fetch_one(self._connection, WORKSPACE_BY_ID, id)
        return row.value() if row else None

    async def repository(self, workspace: int, id: UUID) -> Repository | None:
        """The repository with this id."""
        row = await fetch_one(self._connection, REPOSITORY_BY_ID, workspace, id)
        return row.value() if row else None

    async def repository_by_slug(self, workspace: int, slug: str) -> Repository | None:
        """The live repository of this name, unless two have it."""
        if not storable(slug):
            return None
        found = await fetch_all(self._connection, REPOSITORIES_BY_SLUG, workspace, slug)
        return found[0].value() if len(found) == 1 else None

    async def environment(self, workspace: int, id: UUID) -> Environment | None:
        """The environment with this id."""
        row = await fetch_one(self._connection, ENVIRONMENT_BY_ID, workspace, id)
        return row.value() if row else None

    async def user(self, id: UUID) -> User | None:
        """The user with this id."""
        return await fetch_one(self._connection, USER_BY_ID, id)

    async def user_by_alias(self, alias: int) -> User | None:
        """The user with this alias."""
        return await fetch_one(self._connection, USER_BY_ALIAS, alias)

    async def user_by_account(self, account: str) -> User | None:
        """The active user of this account name, or the only one."""
        if not storable(account):
            return None
        found = await fetch_all(self._connection, USERS_BY_ACCOUNT, account)
        if len(found) == 2 and found[0].active == found[1].active:
            return None
        return found[0] if found else None
