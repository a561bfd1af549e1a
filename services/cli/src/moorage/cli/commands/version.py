"""`moorage version`: what is installed here."""

import platform
from importlib.metadata import version as installed

import typer

from moorage.cli.options import Json
from moorage.cli.output import print_json, print_text


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("version")(version)


def version(as_json: Json = False) -> None:
    """Show which version of Moorage and of Python runs here."""
    numbers = {"moorage": installed("moorage"), "python": platform.python_version()}
    if as_json:
        print_json(numbers)
    else:
        print_text(f"moorage {numbers['moorage']}, Python {numbers['python']}")
