"""`moorage gateway`, `permissions`, `storage`: the services one by one, each in a process of its own."""

from collections.abc import Callable
from typing import Annotated

import typer
from pydantic_settings import BaseSettings

from moorage.cli.commands import permissions, storage
from moorage.cli.options import Json
from moorage.cli.output import print_json, print_table
from moorage.cli.service_process import serve, variable

LogLevel = Annotated[
    str, typer.Option("--log-level", envvar="MOORAGE_LOG_LEVEL", help="debug, info, warning or error.")
]


def register(app: typer.Typer) -> None:
    """Adds one group per service; without a subcommand it runs the service."""
    _add(app, "gateway", gateway, gateway_settings)
    permissions.register(_add(app, "permissions", permissions_, permissions_settings))
    storage.register(_add(app, "storage", storage_, storage_settings))


def _add(app: typer.Typer, name: str, start: Callable[..., None], settings: Callable[..., None]) -> typer.Typer:
    group = typer.Typer(invoke_without_command=True)
    group.callback()(start)
    group.command("settings")(settings)
    app.add_typer(group, name=name)
    return group


def gateway(context: typer.Context, log_level: LogLevel = "info") -> None:
    """Run a gateway: the distribution API, tokens and the management API, in front of permissions and storage.

    It is told everything by variables MOORAGE_GATEWAY_…; `moorage gateway settings` lists them.
    """
    if context.invoked_subcommand is None:
        from moorage.gateway.app import run
        from moorage.gateway.settings import GatewaySettings

        raise typer.Exit(serve("gateway", GatewaySettings, run, log_level))


def gateway_settings(as_json: Json = False) -> None:
    """List the gateway's settings with their defaults."""
    from moorage.gateway.settings import GatewaySettings

    _list_settings(GatewaySettings, as_json)


def permissions_(context: typer.Context, log_level: LogLevel = "info") -> None:
    """Run the permissions service: facts in, decisions, image records, tokens, and the stream that gateways follow.

    It is told everything by variables MOORAGE_PERMISSIONS_…; `moorage permissions settings` lists them.
    """
    if context.invoked_subcommand is None:
        from moorage.permissions.app import run
        from moorage.permissions.settings import PermissionsSettings

        raise typer.Exit(serve("permissions", PermissionsSettings, run, log_level))


def permissions_settings(as_json: Json = False) -> None:
    """List the settings of permissions with their defaults."""
    from moorage.permissions.settings import PermissionsSettings

    _list_settings(PermissionsSettings, as_json)


def storage_(context: typer.Context, log_level: LogLevel = "info") -> None:
    """Run the storage service: blobs, manifests, tags and uploads, for gateways only.

    It is told everything by variables MOORAGE_STORAGE_…; `moorage storage settings` lists them.
    """
    if context.invoked_subcommand is None:
        from moorage.storage.app import run
        from moorage.storage.settings import StorageSettings

        raise typer.Exit(serve("storage", StorageSettings, run, log_level))


def storage_settings(as_json: Json = False) -> None:
    """List storage's settings with their defaults."""
    from moorage.storage.settings import StorageSettings

    _list_settings(StorageSettings, as_json)


def _list_settings(model: type[BaseSettings], as_json: bool) -> None:
    rows = [
        (variable(model, name), "required" if field.is_required() else str(field.default))
        for name, field in model.model_fields.items()
    ]
    if as_json:
        print_json([{"variable": name, "default": default} for name, default in rows])
    else:
        print_table(("VARIABLE", "DEFAULT"), rows)
