"""The scope grammar of the token protocol (protocol.md §3, 2; R48).

`type[(class)]:name:action[,action]*`, several separated by spaces. The literal word `repository` is the protocol's;
what it names is an image. Names may hold one colon (host:port), so the type ends at the first colon and the actions
begin at the last.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Final

from moorage.access.action import Action
from moorage.access.principal import Scope, scopes_open

MAX_SCOPES: Final = 64
MAX_SCOPE_LENGTH: Final = 512
IMAGE_TYPE: Final = "repository"
CATALOG: Final = "registry:catalog"
"""Stands for the catalogue among the names of images, of which none has such a colon."""
CATALOG_SCOPE: Final = f"{CATALOG}:*"

_COMPONENT: Final = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_HOST: Final = r"[A-Za-z0-9.-]{1,253}(?::\d{1,5})?"
_NAME: Final = re.compile(rf"(?:{_HOST}/)?{_COMPONENT}(?:/{_COMPONENT})*")
_TYPE: Final = re.compile(r"([a-z0-9]+)(?:\([a-z0-9]+\))?")
_ACTIONS: Final = re.compile(r"(?:[a-z]+|\*)?(?:,(?:[a-z]+|\*))*")
_NEEDED: Final = {"pull": Action.PULL, "push": Action.PUSH, "delete": Action.DELETE}

Grants = Mapping[str, frozenset[str]]
"""Actions by image name, in the words of the protocol; a name without actions was asked for and refused."""


class ScopeMalformed(ValueError):
    """A scope breaks the grammar, or there are too many."""


def parse(texts: Iterable[str]) -> dict[str, frozenset[str]]:
    """The actions asked for by image name, united; other types are ignored. Raises ScopeMalformed."""
    scopes = [scope for text in texts for scope in text.split(" ") if scope]
    if len(scopes) > MAX_SCOPES:
        raise ScopeMalformed(f"at most {MAX_SCOPES} scopes may be asked for at once")
    asked: dict[str, frozenset[str]] = {}
    for kind, name, actions in map(_split, scopes):
        if kind == IMAGE_TYPE:
            asked[name] = asked.get(name, frozenset()) | actions
        elif f"{kind}:{name}" == CATALOG and "*" in actions:
            asked[CATALOG] = frozenset({"*"})
    return asked


def grant(asked: Mapping[str, frozenset[str]], scopes: frozenset[Scope], *, catalog: bool = False) -> Grants:
    """What a credential with `scopes` may ever be used for, of what was asked: no role and no image is consulted.

    The catalogue counts as another type, and is ignored, unless there is one.
    """
    usable = frozenset(word for word, action in _NEEDED.items() if scopes_open(scopes, action))
    images = {name: actions for name, actions in asked.items() if name != CATALOG}
    granted = {name: (usable if "*" in actions else usable & actions) for name, actions in images.items()}
    if catalog and CATALOG in asked:
        granted[CATALOG] = asked[CATALOG] if scopes_open(scopes, Action.PULL) else frozenset()
    return granted


def word(action: Action) -> str:
    """The protocol's word for what a request does."""
    return "delete" if action.deletes else action.value


def needed(action: Action) -> frozenset[str]:
    """The words that a challenge asks for: pushing begins with looking."""
    return frozenset({"pull", "push"}) if action is Action.PUSH else frozenset({word(action)})


def spell(name: str, actions: Iterable[str]) -> str:
    """The scope that says `actions` on the image called `name`, or on the catalogue."""
    resource = CATALOG if name == CATALOG else f"{IMAGE_TYPE}:{name}"
    return f"{resource}:{','.join(sorted(actions))}"


def _split(scope: str) -> tuple[str, str, frozenset[str]]:
    kind, colon, rest = scope.partition(":")
    name, last_colon, actions = rest.rpartition(":")
    typed = _TYPE.fullmatch(kind)
    if len(scope) > MAX_SCOPE_LENGTH or not (colon and last_colon and typed and _ACTIONS.fullmatch(actions)):
        raise ScopeMalformed("a scope is <type>:<name>:<action>[,<action>], for example repository:acme/app:pull")
    if typed.group(1) == IMAGE_TYPE and not _NAME.fullmatch(name):
        raise ScopeMalformed("the name in a scope is an image name")
    return typed.group(1), name, frozenset(filter(None, actions.split(",")))
