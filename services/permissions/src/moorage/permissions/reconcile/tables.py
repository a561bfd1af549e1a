"""Which kinds of facts a source is declared to tell, as tables."""

from collections.abc import Mapping
from typing import Final

from moorage.events.edge_facts import GrantSet, GroupMemberSet, WorkspaceMemberSet
from moorage.events.fact_data import FactData
from moorage.events.facts import PREFIX
from moorage.events.node_facts import EnvironmentSet, GroupSet, ProjectSet, RepositorySet, WorkspaceSet
from moorage.permissions.records import SourceSpec
from moorage.permissions.slots import Table

MODELS: Final[Mapping[Table, type[FactData]]] = {
    Table.WORKSPACE: WorkspaceSet,
    Table.PROJECT: ProjectSet,
    Table.REPOSITORY: RepositorySet,
    Table.ENVIRONMENT: EnvironmentSet,
    Table.GROUP: GroupSet,
    Table.GROUP_MEMBER: GroupMemberSet,
    Table.WORKSPACE_MEMBER: WorkspaceMemberSet,
    Table.GRANT: GrantSet,
}
"""The facts of workspaces, by their table."""

TABLES: Final[Mapping[type[FactData], Table]] = {model: table for table, model in MODELS.items()}
_NODES: Final = (Table.WORKSPACE, Table.PROJECT, Table.REPOSITORY, Table.ENVIRONMENT, Table.GROUP)
_DELETED: Final = 3


def told_by(spec: SourceSpec) -> tuple[Table, ...]:
    """The tables whose facts the source is declared to tell."""
    return tuple(table for table, model in MODELS.items() if spec.types is None or PREFIX + model.suffix in spec.types)


def is_there(table: Table, rank: int) -> bool:
    """Whether a fact of this rank says that something is there (moorage.events.checksums)."""
    # A suspended workspace is there, though it permits less than a deleted one would.
    return rank > _DELETED or rank == 1 if table in _NODES else rank > 0
