"""`moorage audit …`: what was decided, about whom and why."""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Final

import typer
from rich.console import Console
from rich.markup import escape
from rich.tree import Tree

from moorage.cli.arguments import identifier
from moorage.cli.audit_query import AuditQuery
from moorage.cli.login import LoginOptions
from moorage.cli.options import AsUser, CredentialsFile, Json, Server, TokenFile
from moorage.cli.output import print_json, print_table, print_text
from moorage.cli.session import managing

if TYPE_CHECKING:
    from moorage.access.audit import AuditRecord

UNFOLDED: Final = 1000
COLUMNS: Final = ("TIME", "DECISION", "WHO", "DEED", "WHAT", "RESULT", "BY")


def register(app: typer.Typer) -> None:
    """Adds the group."""
    group = typer.Typer(no_args_is_help=True, help="Decisions: who wanted what, and how it was decided.")
    group.command("list")(list_)
    group.command("show")(show)
    app.add_typer(group, name="audit")


def list_(
    workspace: Annotated[str | None, typer.Argument(metavar="[WORKSPACE]", help="A workspace; its owners may.")] = None,
    image: Annotated[str | None, typer.Option("--image", help="Name or UUID of an image; its admins may.")] = None,
    principal: Annotated[
        str | None, typer.Option("--principal", help="Account, UUID or KIND:UUID of whom it is about.")
    ] = None,
    allowed: Annotated[
        bool | None, typer.Option("--allowed/--denied", help="Only what was allowed, or denied. Default: both.")
    ] = None,
    hours: Annotated[float | None, typer.Option("--hours", min=0, help="Only of the last hours.")] = None,
    most: Annotated[int, typer.Option("--most", min=1, max=100_000, help="How many at most.")] = 100,
    server: Server = None,
    user: AsUser = None,
    credentials: CredentialsFile = None,
    token_file: TokenFile = None,
    as_json: Json = False,
) -> None:
    """List decisions, newest first.

    \b
    moorage audit list acme --as alice --denied
    moorage audit list --image acme/hello/tool --principal bob --hours 24 --as alice
    """
    since = datetime.now(UTC) - timedelta(hours=hours) if hours is not None else None
    query = AuditQuery(workspace, image, principal, allowed, since)
    login = LoginOptions(server, user, credentials, token_file).login().known()
    records = managing(login, lambda api: api.audit(query, most))
    if as_json:
        print_json([record.model_dump(mode="json", exclude_none=True) for record in records])
    elif records:
        print_table(COLUMNS, [_row(record) for record in records])
    else:
        print_text("no decision of this kind was recorded")


def show(
    decision: Annotated[
        str, typer.Argument(metavar="ID", help="Id of a decision: Moorage-Decision-Id, or `decision` of an error.")
    ],
    server: Server = None,
    user: AsUser = None,
    credentials: CredentialsFile = None,
    token_file: TokenFile = None,
    as_json: Json = False,
) -> None:
    """Show one decision: your own, or of what you administer.

    \b
    moorage audit show 019ab7a2-5e07-7c1a-9d55-3f1c6c0a1b2e --as bob
    """
    id = identifier(decision, "The answer of a refused request names it: Moorage-Decision-Id.")
    login = LoginOptions(server, user, credentials, token_file).login().known()
    record = managing(login, lambda api: api.decision(id))
    if as_json:
        print_json(record)
    else:
        Console(highlight=False, width=UNFOLDED).print(tree(record))


def tree(record: "AuditRecord") -> Tree:
    """The record as a tree, with what to ask next."""
    colour, word = ("green", "allowed") if record.allow else ("red", "denied")
    root = Tree(f"[bold {colour}]{word}[/] {escape(str(record.who))} {record.deed} {escape(_about(record))}")
    root.add(f"reason: {record.reason}, effective role: {record.role.word}")
    age = "unknown" if record.staleness_ms is None else f"{record.staleness_ms} ms"
    root.add(f"decided {record.at.isoformat()} at {record.token} ({record.mode}, facts {age} old)")
    for title, value in (("image", record.image), ("workspace", record.workspace), ("credential", record.credential)):
        if value:
            root.add(f"{title}: {value}")
    if record.via:
        root.add(f"by {escape(record.via.method)} from {escape(record.via.remote or 'unknown')}, {record.via.request}")
    for key, text in record.change.items():
        root.add(f"{escape(key)}: {escape(text)}")
    if hint := next_step(record):
        root.add(escape(hint))
    return root


def next_step(record: "AuditRecord") -> str | None:
    """The command that tells why it was decided so; None for what no rule about an image decides."""
    if record.action is None or "/" not in record.name:
        return None
    about = f" --principal {record.principal_id}" if record.principal_id else ""
    return f"why: moorage explain {record.name} {record.action} --at {record.token}@{record.at.isoformat()}{about}"


def _about(record: "AuditRecord") -> str:
    """The name, or the id by which something was asked for that had no name for who asked."""
    return record.name or str(record.image or "")


def _row(record: "AuditRecord") -> tuple[str, ...]:
    return (
        record.at.isoformat(timespec="seconds"),
        str(record.decision),
        str(record.who),
        record.deed.value,
        _about(record),
        "allowed" if record.allow else f"denied: {record.reason}",
        record.mode.value,
    )
