"""`moorage facts …`: who belongs to what, told by hand or by a script."""

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from moorage.cli.facts_file import MAX_LINES, GrantRole, Line, batches, grant_line, parse
from moorage.cli.failure import UsageInvalid
from moorage.cli.options import DEFAULT_DATA, Data, Json
from moorage.cli.output import print_json, print_text
from moorage.cli.session import operating

if TYPE_CHECKING:
    from moorage.access.wire import IngestAnswer
    from moorage.cli.internal_api import InternalApi


def register(app: typer.Typer) -> None:
    """Adds the group."""
    group = typer.Typer(no_args_is_help=True, help="Facts about workspaces, repositories, groups, users and grants.")
    group.command("apply")(apply)
    template = typer.Typer(no_args_is_help=True, help="Print a fact by names, with their ids looked up.")
    template.command("grant")(grant)
    group.add_typer(template, name="template")
    app.add_typer(group, name="facts")


def apply(
    file: Annotated[str, typer.Argument(metavar="FILE", help="File with facts, '-' for standard input.")],
    source: Annotated[str, typer.Option("--source", help="The declared source that the facts come from.")] = "local",
    data: Data = DEFAULT_DATA,
    as_json: Json = False,
) -> None:
    """Apply facts, as the operator of the data folder.

    The file has one JSON object per line, or an array of them. Of each fact, `type` and `data` are needed; the rest of
    the CloudEvents envelope and the prefix of the type are filled in. Facts say how things are, so applying them again
    changes nothing, and `"role":"none"` or `"present":false` takes a right away.

    \b
    Carol may no longer read hello (`facts template` looks the ids up):
    moorage facts template grant --workspace acme --repository hello \\
      --user carol --role none | moorage facts apply -

    \b
    Erin exists; her id is yours to choose, and stays:
    echo '[{"type":"user.set.v1","data":{"account":"erin","active":true,
      "id":"7d0c1f2a-0b5e-4a55-9d2e-6f1c4f6a2d11"}}]' | moorage facts apply -

    \b
    Whatever a file says, which may be large:
    moorage facts apply facts.ndjson
    """
    lines = parse(_read(file), source, datetime.now(UTC))
    total = operating(data, lambda api: _send(api, lines))
    if as_json:
        print_json(total)
    else:
        print_text(
            f"Applied {total.applied}, unchanged {total.unchanged}, older than what is known {total.stale_dropped}, "
            f"conflicting {total.conflicts}, refused {len(total.refused)}; now at {total.token}."
        )


def grant(
    workspace: Annotated[str, typer.Option("--workspace", help="Slug of the workspace.")],
    repository: Annotated[str, typer.Option("--repository", help="Slug of the repository in it.")],
    user: Annotated[str, typer.Option("--user", help="Account name of who gets the role.")],
    role: Annotated[GrantRole, typer.Option("--role", help="What the user may do there; none takes it away.")],
    data: Data = DEFAULT_DATA,
) -> None:
    """Print the fact that gives a user a role on a repository, for `facts apply -`. Nothing is changed by that.

    It replaces what was granted to this user on this repository; roles by groups and projects stay.

    \b
    moorage facts template grant --workspace acme --repository hello \\
      --user carol --role none | moorage facts apply -
    """
    ids = operating(data, lambda api: api.ids(workspace=workspace, repository=repository, user=user))
    print_text(grant_line(ids["workspace"], ids["repository"], ids["user"], role))


async def _send(api: "InternalApi", lines: list[Line]) -> "IngestAnswer":
    columns = (TextColumn("Applying facts"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    hidden = len(lines) <= MAX_LINES
    with Progress(*columns, console=Console(stderr=True), transient=True, disable=hidden) as progress:
        bar = progress.add_task("facts", total=len(lines))
        answers: list[IngestAnswer] = []
        for batch in batches(lines):
            answers.append(await api.apply(batch))
            progress.advance(bar, len(batch))
    return summed(answers)


def summed(answers: "list[IngestAnswer]") -> "IngestAnswer":
    """What became of all batches together; the token is the last one's."""
    from moorage.access.wire import IngestAnswer

    return IngestAnswer(
        applied=sum(answer.applied for answer in answers),
        unchanged=sum(answer.unchanged for answer in answers),
        stale_dropped=sum(answer.stale_dropped for answer in answers),
        conflicts=sum(answer.conflicts for answer in answers),
        refused=[entry for answer in answers for entry in answer.refused],
        token=answers[-1].token,
    )


def _read(file: str) -> str:
    try:
        content = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
        return content.decode()
    except OSError as error:
        raise UsageInvalid(f"{file} cannot be read: {error.strerror}.", "Name a file with facts, or '-'.") from None
    except UnicodeDecodeError:
        raise UsageInvalid(f"{file} is not UTF-8 text.", "Save it as UTF-8.") from None
