"""`moorage workspace …`: our own settings of a workspace."""

from typing import TYPE_CHECKING, Annotated

import typer

from moorage.access.image import PushPolicy
from moorage.cli.failure import UsageInvalid
from moorage.cli.login import LoginOptions
from moorage.cli.options import AsUser, CredentialsFile, Json, Server, TokenFile, Wait
from moorage.cli.output import print_json, print_table
from moorage.cli.publishers import HELP, publishers, spelt, written
from moorage.cli.session import managing

if TYPE_CHECKING:
    from moorage.access.wire import WorkspaceBody

Slug = Annotated[str, typer.Argument(help="Slug of the workspace.")]


def register(app: typer.Typer) -> None:
    """Adds the group."""
    group = typer.Typer(no_args_is_help=True, help="Workspaces: what holds for all of their images.")
    group.command("show")(show)
    group.command("set")(set_)
    app.add_typer(group, name="workspace")


def show(
    workspace: Slug,
    server: Server = None,
    user: AsUser = None,
    credentials: CredentialsFile = None,
    token_file: TokenFile = None,
    as_json: Json = False,
) -> None:
    """Show what holds for all images of a workspace; its owners may.

    \b
    moorage workspace show acme --as owner
    """
    login = LoginOptions(server, user, credentials, token_file).login().known()
    _print(managing(login, lambda api: api.workspace(workspace)), as_json)


def set_(
    workspace: Slug,
    allow_public: Annotated[
        bool | None, typer.Option("--allow-public/--forbid-public", help="Whether images may be public.")
    ] = None,
    default_push_policy: Annotated[
        PushPolicy | None,
        typer.Option("--default-push-policy", help="Who may push; images may narrow it and never widen it."),
    ] = None,
    default_publisher: Annotated[list[str] | None, typer.Option("--default-publisher", help=HELP)] = None,
    no_default_publishers: Annotated[
        bool, typer.Option("--no-default-publishers", help="New images are published by no pipeline.")
    ] = False,
    pipeline_create: Annotated[
        bool | None,
        typer.Option(
            "--pipeline-create/--no-pipeline-create", help="Whether publishing pipelines create the images they push."
        ),
    ] = None,
    wait: Wait = False,
    server: Server = None,
    user: AsUser = None,
    credentials: CredentialsFile = None,
    token_file: TokenFile = None,
    as_json: Json = False,
) -> None:
    """Set what holds for all images of a workspace; its owners may.

    \b
    moorage workspace set acme --default-push-policy pipelines_only --as owner
    moorage workspace set acme --default-publisher any:main --pipeline-create --as owner
    """
    wanted = publishers(default_publisher or [], no_default_publishers)
    members = {
        "allow_public": allow_public,
        "default_push_policy": default_push_policy.value if default_push_policy else None,
        "default_publishers": written(wanted),
        "pipeline_create": pipeline_create,
    }
    given = {name: value for name, value in members.items() if value is not None}
    if not given:
        raise UsageInvalid("Nothing to set was given.", "Add an option; --help shows them.")
    login = LoginOptions(server, user, credentials, token_file).login().known()
    _print(managing(login, lambda api: api.set_workspace(workspace, **given), wait=wait), as_json)


def _print(settings: "WorkspaceBody", as_json: bool) -> None:
    if as_json:
        print_json(settings)
    else:
        print_table(("SETTING", "VALUE"), _fields(settings))


def _fields(settings: "WorkspaceBody") -> list[tuple[str, str]]:
    return [
        ("workspace", settings.slug),
        ("public images", "allowed" if settings.allow_public else "forbidden"),
        ("default push policy", settings.default_push_policy),
        ("default publishers", ", ".join(map(spelt, settings.default_publishers)) or "none"),
        ("pipelines create images", "yes" if settings.pipeline_create else "no"),
    ]
