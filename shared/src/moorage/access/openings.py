"""What the scopes of a credential open, by action: worked out once for each of the few sets of scopes (§1.4)."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain, combinations
from typing import Final

from moorage.access.action import Action
from moorage.access.principal import Scope, scopes_open
from moorage.access.role import Role


@dataclass(frozen=True, slots=True)
class Opening:
    """Whether scopes open an action, and pulls, and how far a role reaches under them when the action is asked for."""

    action: bool
    pull: bool
    cap: Role


def _cap(scopes: frozenset[Scope], action: Action) -> Role:
    if Scope.ADMIN in scopes:
        return Role.ADMIN
    deletion = action.minimum if action.deletes and Scope.DELETE in scopes else Role.NONE
    return max(deletion, Role.WRITE if Scope.WRITE in scopes else Role.READ if Scope.READ in scopes else Role.NONE)


def _opening(scopes: frozenset[Scope], action: Action) -> Opening:
    return Opening(scopes_open(scopes, action), scopes_open(scopes, Action.PULL), _cap(scopes, action))


_SETS: Final = map(frozenset, chain.from_iterable(combinations(Scope, size) for size in range(len(Scope) + 1)))
OPENINGS: Final[Mapping[frozenset[Scope], Mapping[Action, Opening]]] = {
    scopes: {action: _opening(scopes, action) for action in Action} for scopes in _SETS
}
