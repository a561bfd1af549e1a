"""Changes in words, as people tell them."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from moorage.access.explain_wire import ChangeBody
from moorage.access.role import Membership, Role
from moorage.permissions.history import Changed
from moorage.permissions.rows import STATES

_IMAGE: Final = {
    "visibility": "visibility set to {}",
    "push_policy": "push_policy set to {}",
    "state": "the image became {}",
    "admin_override": "admin_override set to {}",
    "publishers": "publishers set to {}",
    "consumer_repositories": "consumer_repositories changed",
    "link_gen": "linked to another repository, link_gen {}",
    "name": "renamed to {}",
}
_WORKSPACE: Final = {
    "allow_public": "the workspace's allow_public set to {}",
    "default_push_policy": "the workspace's default push_policy set to {}",
    "default_publishers": "the workspace's default publishers set to {}",
    "pipeline_create": "the workspace's pipeline_create set to {}",
    "slug": "the workspace is called {}",
}


def change_body(changed: Changed) -> ChangeBody:
    """The change as the wire tells it."""
    text = _TELLING[changed.kind](changed)
    return ChangeBody(seq=changed.seq, at=changed.at, text=text, by=changed.by, event=changed.event)


def differs(changed: Changed, field: str) -> bool:
    """Whether this change set the field."""
    before = changed.before or {}
    return field in changed.after and before.get(field) != changed.after[field]


def _image(changed: Changed) -> str:
    return _fields(changed, _IMAGE, "the image was created")


def _workspace(changed: Changed) -> str:
    state = [f"the workspace became {STATES[changed.after['state']]}"] if differs(changed, "state") else []
    return "; ".join([*state, _fields(changed, _WORKSPACE, "the workspace was announced")])


def _fields(changed: Changed, texts: Mapping[str, str], first: str) -> str:
    if changed.before is None:
        return first
    said = [text.format(_shown(changed.after[field])) for field, text in texts.items() if differs(changed, field)]
    return "; ".join(said) or "changed"


def _shown(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _grant(changed: Changed) -> str:
    role, kind = Role(changed.after["role"]), changed.after.get("node_kind", "node")
    if kind == "workspace":
        verb = "owns" if role is Role.ADMIN else "no longer owns"
        return f"{changed.b} {verb} the workspace {changed.a}"
    if role is Role.NONE:
        return f"{changed.b} no longer has a grant on {kind} {changed.a}"
    return f"{changed.b} has {role.word} on {kind} {changed.a}"


def _group_member(changed: Changed) -> str:
    verb = "became a member of" if changed.after["present"] else "left"
    return f"{changed.a} {verb} {changed.b}"


def _workspace_member(changed: Changed) -> str:
    role = Membership(changed.after["role"])
    if role is Membership.NONE:
        return f"{changed.a} left the workspace"
    return f"{changed.a} became {role.name.lower()} of the workspace"


def _user(changed: Changed) -> str:
    if changed.before is not None and not differs(changed, "active"):
        return f"{changed.before.get('account')} is called {changed.a}"
    return f"{changed.a} was {'activated' if changed.after['active'] else 'deactivated'}"


def _node(changed: Changed) -> str:
    if changed.before is None or differs(changed, "state"):
        return f"{changed.kind} {changed.a} became {STATES[changed.after['state']]}"
    if differs(changed, "project"):
        return f"{changed.kind} {changed.a} moved to another project"
    return f"{changed.kind} is called {changed.a}"


_TELLING: Final[Mapping[str, Callable[[Changed], str]]] = {
    "image": _image,
    "workspace": _workspace,
    "grant": _grant,
    "group_member": _group_member,
    "workspace_member": _workspace_member,
    "user": _user,
    "group": _node,
    "repository": _node,
    "project": _node,
}
