"""`moorage check` and `moorage explain`: may somebody do something with an image, and why."""

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from moorage.cli.arguments import ActionName, Image, image_name
from moorage.cli.exit_code import ExitCode
from moorage.cli.explanation import explanation_tree, print_tree
from moorage.cli.failure import UsageInvalid
from moorage.cli.login import LoginOptions
from moorage.cli.options import AsUser, At, CredentialsFile, Json, Server, TokenFile
from moorage.cli.output import print_json, print_text
from moorage.cli.session import managing

if TYPE_CHECKING:
    from moorage.access.wire import CheckAnswer


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
    claims: Annotated[
        str | None,
        typer.Option(
            "--claims",
            metavar="JSON",
            help="A pipeline that might run: repository, and if it has them environment, branch, pull_request.",
        ),
    ] = None,
    at: At = None,
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
    moorage explain acme/hello/tool push --as bob --at 2026-11-23T10:00:00Z
    moorage explain acme/hello/tool push --as alice \\
      --claims '{"repository":"hello","branch":"main"}'
    """
    name, login = image_name(image), LoginOptions(server, user, credentials, token_file).login().known()
    told = _claims(claims) if claims else None
    explanation = managing(login, lambda api: api.insight.explain(name, action, principal, told, at))
    if as_json:
        print_json(explanation)
    else:
        print_tree(explanation_tree(explanation))


def _claims(text: str) -> dict[str, Any]:
    try:
        claims = json.loads(text)
    except ValueError:
        claims = None
    if not isinstance(claims, dict):
        remedy = 'Write an object: --claims \'{"repository":"hello","branch":"main"}\'.'
        raise UsageInvalid("The claims are not a JSON object.", remedy)
    return claims


def _sentence(answer: "CheckAnswer", image: str, action: str) -> str:
    role = answer.role.name
    if answer.decision().allowed:
        return f"yes: {action} on {image} is allowed (role {role}, as of {answer.token})"
    return f"no: {action} on {image} is denied: {answer.reason} (role {role}, as of {answer.token})"
