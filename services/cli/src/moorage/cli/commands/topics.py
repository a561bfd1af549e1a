"""`moorage permissions topics …`: a fact topic that was made anew."""

from typing import Annotated

import typer

from moorage.cli.failure import UsageInvalid
from moorage.cli.options import DEFAULT_DATA, Data, Json
from moorage.cli.output import print_json, print_text
from moorage.cli.session import operating


def register(group: typer.Typer) -> None:
    """Adds the group."""
    topics = typer.Typer(no_args_is_help=True, help="Topics that facts are read from.")
    topics.command("accept")(accept)
    group.add_typer(topics, name="topics")


def accept(
    topic: Annotated[str, typer.Argument(metavar="TOPIC", help="Name of the topic at the brokers.")],
    reason: Annotated[str, typer.Option("--reason", help="Why; it is audited.")],
    facts_are_current: Annotated[
        bool,
        typer.Option("--facts-are-current", help="The new topic is known to tell everything that the former one told."),
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask; for scripts.")] = False,
    data: Data = DEFAULT_DATA,
    as_json: Json = False,
) -> None:
    """Follow a topic that was made anew, as the operator.

    Nothing is applied from a topic that is not the one first met, for its positions mean nothing any more. Accepted, it
    is read from its beginning, within half a minute; versions decide, so older facts undo nothing. What the former
    topic told and nobody applied is lost, and may have been revocations: workspaces that are fed over Kafka are served
    to nobody until a source has sent a snapshot of each. Users and credentials have no snapshots: have their source
    tell all of them again.

    \b
    moorage permissions topics accept scm.authority.v1 --reason "the cluster was replaced"
    """
    if not yes and typer.prompt(f"This forgets how far {topic} was read. Type its name to go on", err=True) != topic:
        raise UsageInvalid("The name that was typed is another one.", "Nothing was accepted; try again.")
    answer = operating(data, lambda api: api.accept_topic(topic, reason, facts_are_current=facts_are_current))
    if as_json:
        print_json(answer)
    else:
        print_text(f"{topic} is read from its beginning; {answer['unconfirmed']} workspaces wait for a snapshot.")
