"""`moorage permissions …`: maintenance of the permissions service, and the sources that facts may come from."""

import asyncio
from typing import Annotated, Literal

import typer

from moorage.cli.commands import epoch, oversight, topics
from moorage.cli.options import DEFAULT_DATA, Data, Json
from moorage.cli.output import print_json, print_note, print_table, print_text
from moorage.cli.service_process import settings_of, told_in_words
from moorage.cli.session import operating


def register(group: typer.Typer) -> None:
    """Adds the commands."""
    group.command("migrate")(migrate)
    sources = typer.Typer(no_args_is_help=True, help="Sources of facts: who may tell what.")
    sources.command("declare")(declare)
    sources.command("list")(list_)
    group.add_typer(sources, name="sources")
    oversight.register(group)
    epoch.register(group)
    topics.register(group)


def migrate() -> None:
    """Bring the schema of permissions to this version; safe to run again, and while others run.

    Every start does the same. By itself it serves deployments that migrate in a step of their own.
    """
    from moorage.permissions.app import migrate_permissions
    from moorage.permissions.settings import PermissionsSettings

    settings = settings_of(PermissionsSettings)
    told_in_words(lambda: asyncio.run(migrate_permissions(settings.database_url.get_secret_value())))
    print_text("The schema of permissions is at this version.")


def declare(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Such as 'bitbucket:acme'.")],
    kind: Annotated[
        Literal["continuous", "manual"], typer.Option("--kind", help="Whether it sends heartbeats.")
    ] = "continuous",
    transport: Annotated[Literal["http", "kafka"], typer.Option("--transport", help="How its facts arrive.")] = "http",
    workspace: Annotated[
        list[str] | None,
        typer.Option("--workspace", help="UUID of a workspace it speaks of; repeatable. Default: all."),
    ] = None,
    type_: Annotated[
        list[str] | None, typer.Option("--type", help="Event type it may tell; repeatable. Default: all.")
    ] = None,
    data: Data = DEFAULT_DATA,
    as_json: Json = False,
) -> None:
    """Declare a source before its first fact, as the operator; prints its secret, once.

    \b
    moorage permissions sources declare bitbucket:acme --workspace 2f0c4c0e-5a0f-4f0a-9d5e-0d6f8c1b7a11
    """
    wanted = {"name": name, "kind": kind, "transport": transport}
    narrowed = {"workspaces": workspace or [], "types": type_ or []}
    answer = operating(data, lambda api: api.declare(wanted | narrowed))
    if as_json:
        print_json(answer)
    elif answer.get("secret"):
        print_note(f"Source {name!r} is declared. Its secret is not shown again:")
        print_text(str(answer["secret"]))
    else:
        print_text(f"Source {name!r} is declared; its credential is unchanged.")


def list_(data: Data = DEFAULT_DATA, as_json: Json = False) -> None:
    """List the declared sources and what each may speak of, as the operator."""
    sources = operating(data, lambda api: api.sources())
    if as_json:
        print_json(sources)
        return
    print_table(
        ("NAME", "KIND", "TRANSPORT", "WORKSPACES", "TYPES"),
        [
            (each["name"], each["kind"], each["transport"], _which(each["workspaces"]), _which(each["types"]))
            for each in sources
        ],
    )


def _which(values: list[str] | None) -> str:
    return "all" if values is None else " ".join(values)
