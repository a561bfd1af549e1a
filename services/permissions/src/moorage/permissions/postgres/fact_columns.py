"""What a fact writes into the columns of its table, beside version, event, fingerprint, source, time, frame and author.

The order is that of the arguments, from $8 on, of the table's PUT statement.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, TypeVar

from moorage.access.frames import EntityKind
from moorage.events.edge_facts import GrantSet, GroupMemberSet, WorkspaceMemberSet
from moorage.events.fact_data import FactData
from moorage.events.identity_facts import CredentialSet, UserSet
from moorage.events.node_facts import EnvironmentSet, GroupSet, ProjectSet, RepositorySet, WorkspaceSet
from moorage.permissions.folding import Placed
from moorage.permissions.postgres.arrays import nullable, plain, texts
from moorage.permissions.rows import STATE_CODES
from moorage.permissions.slots import Aliases, Entity, Table, user

Columns = tuple[Any, ...]
Data = TypeVar("Data", bound=FactData)


class WrongFact(TypeError):
    """A fact is in a slot of another table."""


def _as(model: type[Data], placed: Placed) -> Data:
    data = placed.fact.data
    # Asking a model for its exact type is cheap, whether it is an instance of another one is not.
    if type(data) is not model:
        raise WrongFact(placed.slot.table)
    return data


def _workspace(placed: Placed, aliases: Aliases) -> Columns:
    data = _as(WorkspaceSet, placed)
    return placed.slot.a, data.slug, STATE_CODES[data.state]


def _project(placed: Placed, aliases: Aliases) -> Columns:
    data = _as(ProjectSet, placed)
    return placed.slot.ws, placed.slot.a, data.key_, STATE_CODES[data.state]


def _repository(placed: Placed, aliases: Aliases) -> Columns:
    data = _as(RepositorySet, placed)
    project = aliases[Entity(EntityKind.PROJECT, data.workspace, data.project)] if data.project else None
    state = STATE_CODES[data.state]
    return placed.slot.ws, placed.slot.a, data.id, project, data.slug, state, data.is_private, data.to_workspace


def _environment(placed: Placed, aliases: Aliases) -> Columns:
    data = _as(EnvironmentSet, placed)
    repository = aliases[Entity(EntityKind.REPOSITORY, data.workspace, data.repository)]
    state = STATE_CODES[data.state]
    return placed.slot.ws, placed.slot.a, repository, data.name, data.stage.value, data.admin_only, state


def _group(placed: Placed, aliases: Aliases) -> Columns:
    data = _as(GroupSet, placed)
    state = STATE_CODES[data.state]
    return placed.slot.ws, placed.slot.a, data.slug, data.incarnation, data.external_id, state


def _group_member(placed: Placed, aliases: Aliases) -> Columns:
    return placed.slot.ws, placed.slot.a, placed.slot.b, _as(GroupMemberSet, placed).present


def _workspace_member(placed: Placed, aliases: Aliases) -> Columns:
    return placed.slot.ws, placed.slot.a, int(_as(WorkspaceMemberSet, placed).membership)


def _grant(placed: Placed, aliases: Aliases) -> Columns:
    data = _as(GrantSet, placed)
    return placed.slot.ws, placed.slot.a, placed.slot.b, data.node.kind, data.grantee.kind, int(data.granted)


def _user(placed: Placed, aliases: Aliases) -> Columns:
    data = _as(UserSet, placed)
    return placed.slot.a, data.id, data.account, data.active


def _credential(placed: Placed, aliases: Aliases) -> Columns:
    data = _as(CredentialSet, placed)
    usr = aliases[user(data.user)] if data.user else None
    bound = data.bound
    return (
        placed.slot.a,
        data.id,
        usr,
        data.state == "active",
        # An array of arrays has to be rectangular, so each list of scopes travels as one text.
        " ".join(sorted(data.scopes)),
        bound.kind if bound else None,
        bound.id if bound else None,
        data.expires,
    )


Write = Callable[[Iterable[Any]], Any]
WRITTEN: Final[Mapping[Table, tuple[Write, ...]]] = {
    Table.WORKSPACE: (plain, texts, plain),
    Table.PROJECT: (plain, plain, texts, plain),
    Table.REPOSITORY: (plain, plain, list, nullable, texts, plain, plain, list),
    Table.ENVIRONMENT: (plain, plain, plain, texts, plain, plain, plain),
    # An external id may be empty, which is not the same as none.
    Table.GROUP: (plain, plain, texts, plain, list, plain),
    Table.USER: (plain, list, texts, plain),
    Table.CREDENTIAL: (list,) * 8,
    Table.GROUP_MEMBER: (plain,) * 4,
    Table.WORKSPACE_MEMBER: (plain,) * 3,
    Table.GRANT: (plain,) * 6,
}
"""How each of these columns travels: as the text of an array where that can be (arrays.plain), which costs least."""
COLUMNS: Final[Mapping[Table, Callable[[Placed, Aliases], Columns]]] = {
    Table.WORKSPACE: _workspace,
    Table.PROJECT: _project,
    Table.REPOSITORY: _repository,
    Table.ENVIRONMENT: _environment,
    Table.GROUP: _group,
    Table.USER: _user,
    Table.CREDENTIAL: _credential,
    Table.GROUP_MEMBER: _group_member,
    Table.WORKSPACE_MEMBER: _workspace_member,
    Table.GRANT: _grant,
}
