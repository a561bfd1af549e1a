"""Explanations for people: trees of paths, filters, remedies and changes."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final

from rich.console import Console
from rich.markup import escape
from rich.tree import Tree

if TYPE_CHECKING:
    from moorage.access.explain_wire import ChangeBody, Explanation, Filter, PathStep, RolePath


UNFOLDED: Final = 1000
"""Columns; a line that is longer than the terminal is folded there, and stays whole in a file."""


def print_tree(tree: Tree) -> None:
    """The tree on standard output."""
    Console(highlight=False, width=UNFOLDED).print(tree)


def explanation_tree(told: "Explanation") -> Tree:
    """The decision, the paths with their facts, filters, what would allow it, and what has changed of late."""
    colour = "green" if told.decision == "allow" else "red"
    root = Tree(
        f"[bold {colour}]{escape(told.decision)}[/] {escape(told.principal)} {told.action} {escape(told.image)} "
        f"({told.reason}, as of {told.token}, {told.as_of:%Y-%m-%d %H:%M:%S} UTC)"
    )
    if told.message:
        root.add(escape(told.message))
    paths = root.add(f"effective role: [bold]{escape(told.effective_role)}[/]")
    add_paths(paths, told.paths)
    _add(root, "filters", map(_filter, told.filters))
    _add(root, "it would be allowed if", map(_remedy, told.would_allow))
    _add(root, "recent changes", map(change_text, told.recent_changes))
    return root


def add_paths(tree: Tree, paths: "Sequence[RolePath]") -> None:
    """The paths with their facts, in the order given."""
    if not paths:
        tree.add("no path of facts gives a role on the linked repository")
    for path in paths:
        branch = tree.add(f"[bold]{escape(path.role)}[/] by")
        for step in path.via:
            branch.add(escape(step.text)).add(f"[dim]{escape(_source(step))}[/]")


def change_text(change: "ChangeBody") -> str:
    """A change in one line: when, what, who, and where in the order."""
    when = f"{change.at:%Y-%m-%d %H:%M:%S} " if change.at else ""
    who = f" by {change.by}" if change.by else ""
    event = f", event {change.event}" if change.event else ""
    return f"{when}{escape(change.text)}[dim]{escape(f'{who} (seq {change.seq}{event})')}[/]"


def _source(step: "PathStep") -> str:
    since = f", since {step.since:%Y-%m-%d %H:%M:%S}" if step.since else ""
    by = f", by {step.by}" if step.by else ""
    event = f", event {step.event}" if step.event else ""
    return f"{step.fact}, version {step.version}{since}{by}{event}"


def _add(root: Tree, title: str, texts: Iterable[str]) -> None:
    lines = list(texts)
    if lines:
        branch = root.add(title)
        for line in lines:
            branch.add(line)


def _filter(entry: "Filter") -> str:
    mark = "[green]passed[/]" if entry.passed else "[red]stands in the way[/]"
    value = ", ".join(entry.value) if isinstance(entry.value, list) else entry.value
    needs = f" (needs {entry.needs})" if entry.needs and not entry.passed else ""
    shown = escape(f" {value}{needs}" if value else needs)
    set_by = f" [dim]since[/] {change_text(entry.change)}" if entry.change and not entry.passed else ""
    return f"{escape(entry.name)}{shown}: {mark}{set_by}"


def _remedy(entry: dict[str, str | list[str]]) -> str:
    who = entry.get("who")
    asked = f" ({escape(', '.join(who))})" if isinstance(who, list) and who else ""
    return f"{escape(str(entry.get('if', entry)))}{asked}"
