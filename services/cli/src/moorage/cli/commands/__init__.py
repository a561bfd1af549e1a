"""The commands of `moorage`, one module per word."""

import typer

from moorage.cli.commands import (
    access,
    audit,
    doctor,
    facts,
    image,
    serve,
    services,
    sync,
    tag,
    token,
    version,
    workspace,
)


def build() -> typer.Typer:
    """The whole command line."""
    app = typer.Typer(
        name="moorage",
        no_args_is_help=True,
        add_completion=True,
        pretty_exceptions_enable=False,
        rich_markup_mode="rich",
        context_settings={"help_option_names": ["-h", "--help"]},
        help=(
            "A registry for OCI and Docker images that inherit the permissions of source repositories.\n\n"
            "Start one here with [bold]moorage serve --demo[/], then try\n\n"
            "[bold]moorage image list acme --as alice[/]\n\n"
            "[bold]moorage check acme/hello/tool push --as bob[/]\n\n"
            "[bold]moorage explain acme/hello/tool push --as bob[/]"
        ),
        epilog=(
            "Exit codes: 0 done, 1 refused or failed, 2 the command line is not valid, "
            "3 the registry can't be reached, 4 `check` says no."
        ),
    )
    serve.register(app)
    services.register(app)
    facts.register(app)
    image.register(app)
    tag.register(app)
    workspace.register(app)
    token.register(app)
    sync.register(app)
    access.register(app)
    audit.register(app)
    doctor.register(app)
    version.register(app)
    return app
