"""`moorage token …`: personal tokens, the secrets that clients log in with."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from moorage.access.principal import ALL_SCOPES, Scope
from moorage.cli.arguments import identifier
from moorage.cli.login import Login, LoginOptions, OperatorLogin
from moorage.cli.options import DEFAULT_DATA, AsUser, CredentialsFile, Data, Json, Server, TokenFile, Wait
from moorage.cli.output import print_json, print_note, print_table, print_text
from moorage.cli.session import managing

ForUser = Annotated[
    str | None,
    typer.Option("--user", help="Account or UUID of somebody else; asks as the operator of the data folder."),
]


def register(app: typer.Typer) -> None:
    """Adds the group."""
    group = typer.Typer(no_args_is_help=True, help="Personal tokens: create, list, revoke.")
    group.command("create")(create)
    group.command("list")(list_)
    group.command("revoke")(revoke)
    app.add_typer(group, name="token")


@dataclass(frozen=True, slots=True)
class _Asker:
    """Who asks about tokens: a person, or the operator when a user is named or no credential is given."""

    options: LoginOptions
    data: Path
    user: str | None = None

    def login(self) -> Login:
        as_operator = self.user is not None and not self.options.chosen
        return OperatorLogin.of(self.data).public(self.options.server) if as_operator else self.options.login().known()


def create(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What it is for, such as 'laptop'.")],
    scope: Annotated[
        list[Scope] | None, typer.Option("--scope", help="What it may ever be used for; may be repeated. Default: all.")
    ] = None,
    days: Annotated[int, typer.Option("--days", min=1, max=3650, help="Days until it expires.")] = 90,
    user: ForUser = None,
    wait: Wait = False,
    server: Server = None,
    as_user: AsUser = None,
    credentials: CredentialsFile = None,
    token_file: TokenFile = None,
    data: Data = DEFAULT_DATA,
    as_json: Json = False,
) -> None:
    """Create a personal token and print its secret, once.

    The secret alone goes to standard output, so it can be piped.

    \b
    moorage token create laptop --as alice --scope image:read
    moorage token create first --user erin      (as the operator of ./data)
    moorage token create ci --as bob --days 7 | docker login 127.0.0.1:5000 -u bob --password-stdin
    """
    from moorage.access.wire import TokenSpec

    login = _Asker(LoginOptions(server, as_user, credentials, token_file), data, user).login()
    spec = TokenSpec(name=name, scopes=frozenset(scope) if scope else ALL_SCOPES, days=days)
    answer = managing(login, lambda api: api.create_token(spec, user), wait=wait)
    if as_json:
        print_json(answer)
        return
    expires = f"expires {answer.token.expires:%Y-%m-%d}" if answer.token.expires else "never expires"
    print_note(f"Token {answer.token.name!r} ({answer.token.id}) {expires}. Its secret is not shown again:")
    print_text(answer.secret)


def list_(
    user: ForUser = None,
    server: Server = None,
    as_user: AsUser = None,
    credentials: CredentialsFile = None,
    token_file: TokenFile = None,
    data: Data = DEFAULT_DATA,
    as_json: Json = False,
) -> None:
    """List your tokens, newest first, without their secrets.

    \b
    moorage token list --as alice
    moorage token list --user alice      (as the operator of ./data)
    """
    login = _Asker(LoginOptions(server, as_user, credentials, token_file), data, user).login()
    tokens = managing(login, lambda api: api.tokens(user))
    if as_json:
        print_json([json.loads(token.model_dump_json()) | {"scopes": sorted(token.scopes)} for token in tokens])
    elif tokens:
        print_table(
            ("ID", "NAME", "SCOPES", "EXPIRES", "STATE"),
            [
                (
                    str(token.id),
                    token.name,
                    " ".join(sorted(token.scopes)),
                    f"{token.expires:%Y-%m-%d}" if token.expires else "never",
                    "revoked" if token.revoked else "active",
                )
                for token in tokens
            ],
        )
    else:
        print_text("There are no tokens.")


def revoke(
    token: Annotated[str, typer.Argument(metavar="ID", help="Its id, as `moorage token list` shows it.")],
    as_operator: Annotated[bool, typer.Option("--operator", help="Ask as the operator of the data folder.")] = False,
    wait: Wait = False,
    server: Server = None,
    as_user: AsUser = None,
    credentials: CredentialsFile = None,
    token_file: TokenFile = None,
    data: Data = DEFAULT_DATA,
) -> None:
    """End a token; it is refused from the next request on, bearer tokens made from it included.

    \b
    moorage token revoke 0b5d8f0e-6f52-4c58-9a52-6f1c4f6a2d11 --as alice
    """
    number = identifier(token, "`moorage token list` shows the ids.")
    options = LoginOptions(server, as_user, credentials, token_file)
    login = OperatorLogin.of(data).public(server) if as_operator else options.login().known()
    managing(login, lambda api: api.revoke_token(number), wait=wait)
    print_text(f"Revoked {number}.")
