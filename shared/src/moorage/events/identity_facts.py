"""Facts of the identity topic: users and credentials."""

from typing import Literal, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, model_validator

from moorage.access.principal import PrincipalKind, Scope
from moorage.events.fact_data import IdentityData, Value, text_of
from moorage.events.fields import Flag, Id, Instant, LongText, Text, normal_uuid


class UserSet(IdentityData):
    """A user's account name, and whether it is active; deactivation overrides every grant."""

    suffix = "identity.user.set.v1"
    id: Id
    account: Text
    active: Flag
    reason: LongText | None = None

    def key(self) -> str:
        return f"us:{self.id}"

    def value(self) -> Value:
        return (self.account, self.active)

    @property
    def rank(self) -> int:
        return int(self.active)


class CredentialBound(BaseModel):
    """The node or images a credential is limited to."""

    model_config = ConfigDict(frozen=True, extra="ignore")
    kind: Literal["repository", "project", "workspace", "image"]
    id: Id


class CredentialSet(IdentityData):
    """The state of a credential that is not issued by Moorage, or the revocation of any."""

    suffix = "identity.credential.set.v1"
    id: Id
    principal: Text
    state: Literal["active", "revoked"]
    reason: LongText | None = None
    scopes: frozenset[Scope] = frozenset()
    bound: CredentialBound | None = None
    expires: Instant | None = None

    @model_validator(mode="after")
    def _of_a_user(self) -> Self:
        if self.user is None:
            raise ValueError("the principal of a credential is user:<uuid>")
        return self

    @property
    def user(self) -> UUID | None:
        """The user it belongs to."""
        kind, _, identity = self.principal.partition(":")
        try:
            return normal_uuid(identity) if kind == PrincipalKind.USER else None
        except ValueError:
            return None

    @property
    def parts(self) -> tuple[BaseModel, ...]:
        return (self.bound,) if self.bound else ()

    def key(self) -> str:
        return f"cr:{self.id}"

    def value(self) -> Value:
        bound = f"{self.bound.kind}:{self.bound.id}" if self.bound else None
        return (str(self.user), self.state, tuple(sorted(self.scopes)), bound, text_of(self.expires))

    @property
    def rank(self) -> int:
        return int(self.state == "active")
