"""Facts between two things: group members, workspace members, grants."""

from collections.abc import Mapping
from typing import Final, Literal, Self

from pydantic import BaseModel, ConfigDict, model_validator

from moorage.access.role import Membership, Role
from moorage.events.fact_data import FactData, Value
from moorage.events.fields import Flag, Id


class GroupMemberSet(FactData):
    """Whether a user is in a group."""

    suffix = "scm.group_member.set.v1"
    group: Id
    user: Id
    present: Flag

    def key(self) -> str:
        return f"gm:{self.group}:{self.user}"

    def value(self) -> Value:
        return (self.present,)

    @property
    def rank(self) -> int:
        return int(self.present)


class WorkspaceMemberSet(FactData):
    """What the workspace calls a user."""

    suffix = "scm.workspace_member.set.v1"
    user: Id
    role: Literal["owner", "member", "collaborator", "none"]

    @property
    def membership(self) -> Membership:
        """The role as a value."""
        return Membership[self.role.upper()]

    def key(self) -> str:
        return f"wm:{self.workspace}:{self.user}"

    def value(self) -> Value:
        return (int(self.membership),)

    @property
    def rank(self) -> int:
        return int(self.membership)


class Node(BaseModel):
    """What a grant is on."""

    model_config = ConfigDict(frozen=True, extra="ignore")
    kind: Literal["repository", "project", "workspace"]
    id: Id


class Grantee(BaseModel):
    """Whom a grant is for."""

    model_config = ConfigDict(frozen=True, extra="ignore")
    kind: Literal["user", "group"]
    id: Id


_GRANTED: Final[Mapping[str, Mapping[str, Role]]] = {
    "repository": {"none": Role.NONE, "read": Role.READ, "write": Role.WRITE, "admin": Role.ADMIN},
    "project": {
        "none": Role.NONE,
        "read": Role.READ,
        "write": Role.WRITE,
        "create-repo": Role.WRITE,
        "admin": Role.ADMIN,
    },
    "workspace": {"none": Role.NONE, "owner": Role.ADMIN},
}


class GrantSet(FactData):
    """An explicit grant on a repository or project, or a group made owner of the workspace; `none` is revoked."""

    suffix = "scm.grant.set.v1"
    node: Node
    grantee: Grantee
    role: Literal["read", "write", "create-repo", "admin", "owner", "none"]

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.role not in _GRANTED[self.node.kind]:
            raise ValueError("this node has no such role")
        if self.node.kind == "workspace" and (self.grantee.kind != "group" or self.node.id != self.workspace):
            raise ValueError("on its own workspace only a group is granted a role")
        return self

    @property
    def granted(self) -> Role:
        """The role on every repository the node contains (§1.3)."""
        return _GRANTED[self.node.kind][self.role]

    @property
    def parts(self) -> tuple[BaseModel, ...]:
        return self.node, self.grantee

    def key(self) -> str:
        return f"gr:{self.node.kind}:{self.node.id}:{self.grantee.kind}:{self.grantee.id}"

    def value(self) -> Value:
        return (int(self.granted),)

    @property
    def rank(self) -> int:
        return int(self.granted)


EDGE_TYPES: Final = frozenset({GroupMemberSet, WorkspaceMemberSet, GrantSet})
"""All of them; the value of each is one number, its rank."""
