"""`moorage sync …`: how current a workspace is, and asking its source to look again."""

from typing import TYPE_CHECKING, Annotated

import typer

from moorage.cli.login import LoginOptions
from moorage.cli.options import AsUser, CredentialsFile, Json, Server, TokenFile
from moorage.cli.output import print_json, print_table, print_text
from moorage.cli.session import managing

if TYPE_CHECKING:
    from moorage.access.sync_wire import SyncStatus

WorkspaceSlug = Annotated[str, typer.Argument(metavar="WORKSPACE", help="Slug of the workspace.")]


def register(app: typer.Typer) -> None:
    """Adds the group."""
    group = typer.Typer(no_args_is_help=True, help="How current a workspace's rights are.")
    group.command("status")(status)
    group.command("refresh")(refresh)
    app.add_typer(group, name="sync")


def status(
    workspace: WorkspaceSlug,
    server: Server = None,
    user: AsUser = None,
    credentials: CredentialsFile = None,
    token_file: TokenFile = None,
    as_json: Json = False,
) -> None:
    """Show up to when the sources of a workspace have told what they know, and which gateways enforce it.

    \b
    moorage sync status acme --as alice
    """
    login = LoginOptions(server, user, credentials, token_file).login().known()
    found = managing(login, lambda api: api.sync_status(workspace))
    if as_json:
        print_json(found)
        return
    print_table(("FIELD", "VALUE"), _fields(found))
    if found.lanes:
        rows = [(each.lane, each.source, str(each.as_of or "never"), _seconds(each.age)) for each in found.lanes]
        print_table(("LANE", "SOURCE", "AS OF", "AGE"), rows)


def refresh(
    workspace: WorkspaceSlug,
    account: Annotated[str, typer.Option("--user", help="Whose rights: account or UUID.")],
    repository: Annotated[str, typer.Option("--repository", help="On which repository: slug or UUID.")],
    server: Server = None,
    user: AsUser = None,
    credentials: CredentialsFile = None,
    token_file: TokenFile = None,
    as_json: Json = False,
) -> None:
    """Ask the workspace's source to look again at what one user may do in one repository.

    \b
    moorage sync refresh acme --user bob --repository hello --as bob
    """
    login = LoginOptions(server, user, credentials, token_file).login().known()
    answer = managing(login, lambda api: api.refresh(workspace, account, repository))
    if as_json:
        print_json(answer)
    elif answer.asked:
        print_text("The source is asked when it next looks for requests.")
    else:
        print_text("Nobody is asked: the facts of this workspace are written by hand.")


def _fields(found: "SyncStatus") -> list[tuple[str, str]]:
    last = found.last_applied
    return [
        ("workspace", found.workspace),
        ("lag", _seconds(found.lag) if found.lanes or found.pinned_since else "facts don't age here"),
        ("pinned since", str(found.pinned_since or "-")),
        ("records that could not be applied", str(found.dead_letters)),
        ("removals wait for confirmation", "yes" if found.sweep_held else "no"),
        ("last change", f"{last.event} at {last.at} ({last.token})" if last else "-"),
        ("position", found.head),
        ("all gateways have passed", f"{found.fleet_minimum or '-'} ({found.gateways} gateways)"),
    ]


def _seconds(age: float | None) -> str:
    return "-" if age is None else f"{age:.1f} s"
