"""Options that several commands share, so that they are spelled and explained once."""

from pathlib import Path
from typing import Annotated, Final

import typer

CONNECTION: Final = "Connection"
DEFAULT_SERVER: Final = "http://127.0.0.1:5000"
DEFAULT_DATA: Final = Path("data")

Server = Annotated[
    str | None,
    typer.Option(
        "--server",
        envvar="MOORAGE_SERVER",
        help="Address of the registry. Default: the one in the credentials file, else the one that runs on the "
        f"data folder here, else {DEFAULT_SERVER}.",
        rich_help_panel=CONNECTION,
    ),
]
AsUser = Annotated[
    str | None,
    typer.Option("--as", metavar="USER", help="Act as this user of the credentials file.", rich_help_panel=CONNECTION),
]
CredentialsFile = Annotated[
    Path | None,
    typer.Option(
        "--credentials-file",
        envvar="MOORAGE_CREDENTIALS_FILE",
        help="Where --as looks. Default: credentials.json in the data folder.",
        rich_help_panel=CONNECTION,
    ),
]
TokenFile = Annotated[
    Path | None,
    typer.Option(
        "--token-file",
        help="File with a personal token, '-' for standard input. MOORAGE_TOKEN works as well.",
        rich_help_panel=CONNECTION,
    ),
]
Data = Annotated[
    Path,
    typer.Option(
        "--data",
        envvar="MOORAGE_DATA",
        help="Data folder of a registry on this machine, with the operator's credential.",
        rich_help_panel=CONNECTION,
    ),
]
At = Annotated[
    str | None,
    typer.Option("--at", metavar="WHEN", help="A position (zt1.…) or a time (2026-11-23T10:00:00Z). Default: now."),
]
Wait = Annotated[bool, typer.Option("--wait", help="Return when every gateway enforces it, or say which don't yet.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs instead of text for people.")]
