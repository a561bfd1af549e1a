"""Facts about things that have a state: workspaces, projects, repositories, environments, groups."""

from enum import StrEnum
from typing import Literal, Self

from pydantic import Field, model_validator

from moorage.access.image import NodeState
from moorage.events.fact_data import NodeData, Value
from moorage.events.fields import Count, Flag, Id, LongText, Text


class WorkspaceSet(NodeData):
    """A workspace's slug and state."""

    suffix = "scm.workspace.set.v1"
    slug: Text
    state: Literal[NodeState.ACTIVE, NodeState.DELETED, NodeState.SUSPENDED]

    def key(self) -> str:
        return f"ws:{self.workspace}"

    def value(self) -> Value:
        return (self.slug, self.state.value)


class ProjectSet(NodeData):
    """A project of the workspace."""

    suffix = "scm.project.set.v1"
    id: Id
    key_: Text = Field(alias="key")
    state: Literal[NodeState.ACTIVE, NodeState.ARCHIVED, NodeState.DELETED]

    def key(self) -> str:
        return f"pr:{self.id}"

    def value(self) -> Value:
        return (self.key_, self.state.value)


class RepositorySet(NodeData):
    """A repository; its rename, move, archiving, deletion and restoration are new versions of this one fact.

    A transfer says only where it went, in the old workspace.
    """

    suffix = "scm.repository.set.v1"
    id: Id
    project: Id | None = None
    slug: Text | None = None
    state: Literal[NodeState.ACTIVE, NodeState.ARCHIVED, NodeState.DELETED, NodeState.TRANSFERRED]
    is_private: Flag = True
    to_workspace: Id | None = None

    @model_validator(mode="after")
    def _complete(self) -> Self:
        transferred = self.state is NodeState.TRANSFERRED
        if transferred and self.to_workspace is None:
            raise ValueError("a transferred repository names to_workspace")
        if not transferred and (self.project is None or self.slug is None):
            raise ValueError("a repository has a project and a slug")
        return self

    def key(self) -> str:
        return f"re:{self.id}"

    def value(self) -> Value:
        if self.state is NodeState.TRANSFERRED:
            return (self.state.value, str(self.to_workspace))
        return (str(self.project), self.slug, self.state.value, self.is_private)


class Stage(StrEnum):
    """The stages of deployment environments."""

    TEST = "test"
    STAGING = "staging"
    PRODUCTION = "production"


class EnvironmentSet(NodeData):
    """A deployment environment of one repository."""

    suffix = "scm.environment.set.v1"
    id: Id
    repository: Id
    name: Text
    stage: Stage
    admin_only: Flag = False
    state: Literal[NodeState.ACTIVE, NodeState.DELETED]

    def key(self) -> str:
        return f"en:{self.id}"

    def value(self) -> Value:
        return (str(self.repository), self.name, self.stage.value, self.admin_only, self.state.value)


class GroupSet(NodeData):
    """A flat group; a group deleted and made again under its old name is another uuid (E3)."""

    suffix = "scm.group.set.v1"
    id: Id
    slug: Text
    incarnation: Count = 0
    external_id: LongText | None = None
    state: Literal[NodeState.ACTIVE, NodeState.DELETED]

    def key(self) -> str:
        return f"gp:{self.id}"

    def value(self) -> Value:
        return (self.slug, self.incarnation, self.external_id, self.state.value)
