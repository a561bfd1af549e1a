"""`moorage serve`: a whole registry by one command."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from moorage.cli.failure import CommandFailed, UsageInvalid
from moorage.cli.options import DEFAULT_DATA
from moorage.cli.output import print_text


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("serve")(serve)


def serve(
    data: Annotated[Path, typer.Option("--data", envvar="MOORAGE_DATA", help="Folder that keeps everything.")] = (
        DEFAULT_DATA
    ),
    host: Annotated[str, typer.Option("--host", help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="Port; 0 takes any free one.")] = 5000,
    demo: Annotated[
        bool, typer.Option("--demo", help="Fill it with a demo workspace, users and their tokens.")
    ] = False,
    credentials: Annotated[
        Path | None, typer.Option("--credentials-file", help="Where the demo's tokens go. Default: in the data folder.")
    ] = None,
    database: Annotated[
        str | None,
        typer.Option(
            "--database",
            envvar="MOORAGE_DATABASE",
            help="URL of your own PostgreSQL (15 to 18) instead of an embedded one. "
            "With a password in it, set MOORAGE_DATABASE instead: arguments are visible to everybody here.",
            show_envvar=False,
        ),
    ] = None,
    public_url: Annotated[
        str | None,
        typer.Option("--public-url", help="Address that clients use, if it is another one. Default: http://HOST:PORT."),
    ] = None,
    allow_remote_demo: Annotated[
        bool, typer.Option("--allow-remote-demo", help="Let a demo listen on an address others can reach.")
    ] = False,
    workers: Annotated[
        int,
        typer.Option("--workers", min=1, max=32, help="Processes that serve requests; with 1 this one does it itself."),
    ] = 1,
    uvloop: Annotated[bool, typer.Option("--uvloop/--no-uvloop", help="Use uvloop if it is installed.")] = True,
    log_level: Annotated[
        str, typer.Option("--log-level", envvar="MOORAGE_LOG_LEVEL", help="debug, info, warning or error.")
    ] = "warning",
) -> None:
    """Run a whole registry in this process and its workers, with an embedded PostgreSQL server.

    Ctrl-C or SIGTERM stops it in order; everything is kept in the data folder and is there again at the next start.

    \b
    moorage serve --demo                          to try it
    moorage serve --data /srv/moorage --port 80   an empty registry; prints the next steps
    """
    if log_level not in ("debug", "info", "warning", "error"):
        raise UsageInvalid(f"{log_level!r} is not a log level.", "Use debug, info, warning or error.")
    from moorage.runtime.logging import configure
    from moorage.standalone.errors import StartRefused
    from moorage.standalone.serve import run
    from moorage.standalone.settings import StandaloneSettings

    configure("standalone", level=log_level.upper())
    settings = StandaloneSettings(
        data=data,
        host=host,
        port=port,
        database=database,
        demo=demo,
        allow_remote_demo=allow_remote_demo,
        credentials=credentials,
        public_url=public_url,
        workers=workers,
        use_uvloop=uvloop,
    )
    try:
        status = run(settings, print_text, _program())
    except StartRefused as refusal:
        raise CommandFailed(str(refusal), refusal.remedy) from None
    if status:
        raise typer.Exit(status)


def _program() -> str:
    """How this command can be called again from the same place."""
    called = Path(sys.argv[0])
    on_path = any(Path(folder) == called.parent for folder in os.get_exec_path())
    return called.name if on_path or called.name != "moorage" else os.path.relpath(called)
