"""`moorage permissions epoch …`: after a restore or a failover that may have lost changes."""

from typing import Annotated

import typer

from moorage.cli.options import DEFAULT_DATA, Data, Json
from moorage.cli.output import print_json, print_text
from moorage.cli.session import operating


def register(group: typer.Typer) -> None:
    """Adds the group."""
    epoch = typer.Typer(no_args_is_help=True, help="Epochs: history may have been rewritten.")
    epoch.command("bump")(bump)
    epoch.command("confirm")(confirm)
    group.add_typer(epoch, name="epoch")


def bump(
    reason: Annotated[str, typer.Option("--reason", help="Why; gateways and their logs are told.")],
    facts_are_current: Annotated[
        bool,
        typer.Option("--facts-are-current", help="What was told by hand and over HTTP is known to be as it should be."),
    ] = False,
    data: Data = DEFAULT_DATA,
    as_json: Json = False,
) -> None:
    """Begin a new epoch, as the operator: every gateway takes a new snapshot.

    Needed after a backup was restored, or a standby was promoted that may lack changes. Workspaces whose facts were
    told by hand or over HTTP are then served to nobody until a source has sent a snapshot, or you confirm them.

    \b
    moorage permissions epoch bump --reason "restored the backup of 10:00"
    """
    answer = operating(data, lambda api: api.bump_epoch(reason, facts_are_current=facts_are_current))
    if as_json:
        print_json(answer)
    else:
        print_text(f"Epoch {answer['epoch']} has begun; {answer['unconfirmed']} workspaces wait to be confirmed.")


def confirm(data: Data = DEFAULT_DATA, as_json: Json = False) -> None:
    """Confirm, as the operator, that what was told by hand and over HTTP is current in the new epoch."""
    answer = operating(data, lambda api: api.confirm_epoch())
    if as_json:
        print_json(answer)
    else:
        print_text("Facts that were told by hand and over HTTP count as current.")
