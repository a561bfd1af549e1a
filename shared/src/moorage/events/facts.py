"""The facts that come in (authorization.md §2.2): whole-entity state, never deltas; removals are values.

`FACTS` is the closed table from event type to model. Evolution: fields are added inside `.v1` and readers ignore those
they don't know; anything else is a new major, on a new topic.
"""

from collections.abc import Mapping
from typing import Any, Final

from moorage.events.edge_facts import GrantSet, GroupMemberSet, WorkspaceMemberSet
from moorage.events.fact_data import FactData
from moorage.events.identity_facts import CredentialSet, UserSet
from moorage.events.node_facts import EnvironmentSet, GroupSet, ProjectSet, RepositorySet, WorkspaceSet
from moorage.events.signals import (
    AuthorityHeartbeat,
    ChecksumStated,
    IdentityHeartbeat,
    SnapshotCompleted,
    SnapshotStarted,
)

STATES: Final[tuple[type[FactData], ...]] = (
    WorkspaceSet,
    ProjectSet,
    RepositorySet,
    EnvironmentSet,
    GroupSet,
    GroupMemberSet,
    WorkspaceMemberSet,
    GrantSet,
    UserSet,
    CredentialSet,
)
STATE_TYPES: Final = frozenset(STATES)
"""To tell facts from signals by their exact type, which is cheap."""
SIGNALS: Final[tuple[type[FactData], ...]] = (
    AuthorityHeartbeat,
    IdentityHeartbeat,
    SnapshotStarted,
    SnapshotCompleted,
    ChecksumStated,
)
PREFIX: Final = "dev.moorage."
FACTS: Final[Mapping[str, type[FactData]]] = {PREFIX + model.suffix: model for model in STATES + SIGNALS}


def schema_of(model: type[FactData]) -> dict[str, Any]:
    """The JSON Schema of a fact's `data`."""
    return model.model_json_schema(by_alias=True)
