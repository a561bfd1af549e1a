"""`moorage check` and `moorage explain`: may somebody do something with an image, and why."""

from typing import Annotated, Final

import typer
from rich.console import Console
from rich.markup import escape
from rich.tree import Tree

from moorage.access.wire import CheckAnswer, Explanation
from moorage.cli.arguments import ActionName, Image, image_name
from moorage.cli.exit_code import ExitCode
from moorage.cli.login import LoginOptions
from moorage.cli.options import AsUser, CredentialsFile, Json, Server, TokenFile
from moorage.cli.output import print_json, print_text
from moorage.cli.session import managing

UNFOLDED: Final = 1000
"""Columns; a line that is longer than the terminal is folded there, and stays whole in a file."""


def register(app: typer.Typer) -> None:
    """Adds both commands."""
    app.command("check")(check)
    app.command("explain")(explain)


def check(
    image: Image,
    action: ActionName,
    server: Server = None,
    user: AsUser = None,
    credentials: CredentialsFile = None,
    token_file: TokenFile = None,
    as_json: Json = False,
) -> None:
    """Ask whether you may do something with an image; exit code 0 means yes, 4 means no.

    \b
    moorage check acme/hello/tool push --as bob
    moorage check acme/hello/tool pull --as dave || echo 'not dave'
    """
    name, login = image_name(image), LoginOptions(server, user, credentials, token_file).login()
    answer = managing(login, lambda api: api.check(name, action))
    if as_json:
        print_json(answer.model_dump(mode="json", exclude_none=True) | {"allowed": answer.decision().allowed})
    else:
        print_text(_sentence(answer, str(name), action.value))
    if not answer.decision().allowed:
        raise typer.Exit(ExitCode.DENIED)


def explain(
    image: Image,
    action: ActionName,
    principal: Annotated[
        str | None, typer.Option("--principal", help="Account or UUID of somebody else; needs ADMIN. Default: you.")
    ] = None,
    server: Server = None,
    user: AsUser = None,
    credentials: CredentialsFile = None,
    token_file: TokenFile = None,
    as_json: Json = False,
) -> None:
    """Show why somebody may do something with an image, or may not: every path of facts, and what would allow it.

    \b
    moorage explain acme/hello/tool push --as bob
    moorage explain acme/hello/tool pull --principal carol --as alice
    """
    name, login = image_name(image), LoginOptions(server, user, credentials, token_file).login().known()
    explanation = managing(login, lambda api: api.explain(name, action, principal))
    if as_json:
        print_json(explanation)
    else:
        Console(highlight=False, width=UNFOLDED).print(tree(explanation))


def tree(explanation: Explanation) -> Tree:
    """The explanation as a tree: the decision, the paths with their facts, filters, and what would allow it."""
    colour = "green" if explanation.decision == "allow" else "red"
    root = Tree(
        f"[bold {colour}]{escape(explanation.decision)}[/] {escape(explanation.principal)} "
        f"{explanation.action} {escape(explanation.image)} ({explanation.reason}, as of {explanation.token})"
    )
    paths = root.add(f"effective role: [bold]{escape(explanation.effective_role)}[/]")
    if not explanation.paths:
        paths.add("no path of facts gives a role on the linked repository")
    for path in explanation.paths:
        branch = paths.add(f"[bold]{escape(path.role)}[/] by")
        for step in path.via:
            branch.add(escape(step.text)).add(f"[dim]{escape(step.fact)}, version {step.version}[/]")
    _add_entries(root, "filters", [_filter_text(entry) for entry in explanation.filters])
    _add_entries(root, "it would be allowed if", [_remedy_text(entry) for entry in explanation.would_allow])
    return root


def _add_entries(root: Tree, title: str, texts: list[str]) -> None:
    if texts:
        branch = root.add(title)
        for text in texts:
            branch.add(text)


def _filter_text(entry: dict[str, object]) -> str:
    mark = "[green]passed[/]" if entry.get("passed") else "[red]stands in the way[/]"
    value = entry.get("value", entry.get("cap"))
    shown = ", ".join(map(str, value)) if isinstance(value, list) else str(value or "")
    return f"{escape(str(entry.get('name', 'filter')))}{escape(f' {shown}' if shown else '')}: {mark}"


def _remedy_text(entry: dict[str, object]) -> str:
    who = entry.get("who")
    asked = f" ({escape(', '.join(map(str, who)))})" if isinstance(who, list) and who else ""
    return f"{escape(str(entry.get('if', entry)))}{asked}"


def _sentence(answer: CheckAnswer, image: str, action: str) -> str:
    role = answer.role.name
    if answer.decision().allowed:
        return f"yes: {action} on {image} is allowed (role {role}, as of {answer.token})"
    return f"no: {action} on {image} is denied: {answer.reason} (role {role}, as of {answer.token})"
