"""The statements of each fact table: what is held in slots, the writing of a batch, and the mark of a dispute.

Slots travel as three arrays (workspace, a, b). A batch is written whatever was there: the version rule has been asked.
"""

from collections.abc import Mapping
from typing import Final

from moorage.permissions.postgres import edge_tables, identity_tables, node_tables
from moorage.permissions.postgres.held_row import HeldRow
from moorage.permissions.slots import Table
from moorage.runtime.statement import Statement

HELD: Final[Mapping[Table, Statement[HeldRow]]] = {
    Table.WORKSPACE: node_tables.HELD_WORKSPACE,
    Table.PROJECT: node_tables.HELD_PROJECT,
    Table.REPOSITORY: node_tables.HELD_REPOSITORY,
    Table.ENVIRONMENT: node_tables.HELD_ENVIRONMENT,
    Table.GROUP: node_tables.HELD_GROUP,
    Table.USER: identity_tables.HELD_USER,
    Table.CREDENTIAL: identity_tables.HELD_CREDENTIAL,
    Table.GROUP_MEMBER: edge_tables.HELD_GROUP_MEMBER,
    Table.WORKSPACE_MEMBER: edge_tables.HELD_WORKSPACE_MEMBER,
    Table.GRANT: edge_tables.HELD_GRANT,
}
PUT: Final[Mapping[Table, Statement[None]]] = {
    Table.WORKSPACE: node_tables.PUT_WORKSPACE,
    Table.PROJECT: node_tables.PUT_PROJECT,
    Table.REPOSITORY: node_tables.PUT_REPOSITORY,
    Table.ENVIRONMENT: node_tables.PUT_ENVIRONMENT,
    Table.GROUP: node_tables.PUT_GROUP,
    Table.USER: identity_tables.PUT_USER,
    Table.CREDENTIAL: identity_tables.PUT_CREDENTIAL,
    Table.GROUP_MEMBER: edge_tables.PUT_GROUP_MEMBER,
    Table.WORKSPACE_MEMBER: edge_tables.PUT_WORKSPACE_MEMBER,
    Table.GRANT: edge_tables.PUT_GRANT,
}
DISPUTE: Final[Mapping[Table, Statement[None]]] = {
    Table.WORKSPACE: node_tables.DISPUTE_WORKSPACE,
    Table.PROJECT: node_tables.DISPUTE_PROJECT,
    Table.REPOSITORY: node_tables.DISPUTE_REPOSITORY,
    Table.ENVIRONMENT: node_tables.DISPUTE_ENVIRONMENT,
    Table.GROUP: node_tables.DISPUTE_GROUP,
    Table.USER: identity_tables.DISPUTE_USER,
    Table.CREDENTIAL: identity_tables.DISPUTE_CREDENTIAL,
    Table.GROUP_MEMBER: edge_tables.DISPUTE_GROUP_MEMBER,
    Table.WORKSPACE_MEMBER: edge_tables.DISPUTE_WORKSPACE_MEMBER,
    Table.GRANT: edge_tables.DISPUTE_GRANT,
}
