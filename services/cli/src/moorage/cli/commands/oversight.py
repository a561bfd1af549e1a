"""`moorage permissions sweeps …` and `… dead-letters …`: what waits for the operator."""

from base64 import b64decode
from typing import Annotated, Any

import typer

from moorage.cli.options import DEFAULT_DATA, Data, Json
from moorage.cli.output import print_json, print_table, print_text
from moorage.cli.session import operating

Reason = Annotated[str, typer.Option("--reason", help="Why; it is logged.")]
Id = Annotated[int, typer.Argument(metavar="ID", min=1)]


def register(group: typer.Typer) -> None:
    """Adds the groups."""
    sweeps = typer.Typer(no_args_is_help=True, help="Snapshots of sources that would make very many facts vanish.")
    sweeps.command("list")(list_sweeps)
    sweeps.command("confirm")(confirm)
    sweeps.command("discard")(discard)
    group.add_typer(sweeps, name="sweeps")
    letters = typer.Typer(no_args_is_help=True, help="Records that could not be applied, and what they hold.")
    letters.command("list")(list_letters)
    letters.command("show")(show)
    letters.command("release")(release)
    group.add_typer(letters, name="dead-letters")


def list_sweeps(data: Data = DEFAULT_DATA, as_json: Json = False) -> None:
    """List the snapshots under way. A held one waits for you: its workspace ages until then."""
    sweeps = operating(data, lambda api: api.sweeps())
    if as_json:
        print_json(sweeps)
        return
    print_table(
        ("ID", "WORKSPACE", "STATE", "VANISHING", "OF"),
        [tuple(str(each[name]) for name in ("id", "workspace", "state", "vanishing", "present")) for each in sweeps],
    )


def confirm(id: Id, reason: Reason, data: Data = DEFAULT_DATA, as_json: Json = False) -> None:
    """Let a held sweep go on: what the source no longer has becomes absent.

    \b
    moorage permissions sweeps confirm 7 --reason "team Blue has left"
    """
    _decided(operating(data, lambda api: api.decide_sweep(id, "confirm", reason)), as_json)


def discard(id: Id, reason: Reason, data: Data = DEFAULT_DATA, as_json: Json = False) -> None:
    """End a held sweep: nothing of it is applied, and its workspace is current again.

    \b
    moorage permissions sweeps discard 7 --reason "the bridge read an empty page"
    """
    _decided(operating(data, lambda api: api.decide_sweep(id, "discard", reason)), as_json)


def list_letters(
    every: Annotated[bool, typer.Option("--all", help="Also those that hold nothing (any longer).")] = False,
    data: Data = DEFAULT_DATA,
    as_json: Json = False,
) -> None:
    """List the records that could not be applied and that hold the freshness of a workspace or lane."""
    letters = operating(data, lambda api: api.dead_letters(holding_only=not every))
    if as_json:
        print_json(letters)
        return
    print_table(
        ("ID", "REASON", "WORKSPACE", "KEY", "HOLDS SINCE"),
        [
            (str(each["id"]), each["reason"], each["workspace"] or "unreadable", each["key"] or "", _since(each))
            for each in letters
        ],
    )


def show(id: Id, data: Data = DEFAULT_DATA, as_json: Json = False) -> None:
    """Show one dead letter: where it stood, why it was refused, and its record as it came."""
    letter = operating(data, lambda api: api.dead_letter(id))
    if as_json:
        print_json(letter)
        return
    place = f"{letter['topic']}/{letter['part']} at {letter['pos']}" if letter["topic"] else f"line {letter['pos']}"
    print_text(f"{letter['reason']} {letter['detail']}".rstrip())
    source = letter["source"] or "an unknown source"
    print_text(f"From {source}, {place}, {letter['at']}; holds since {_since(letter)}.")
    print_text(ascii(b64decode(letter["body"]).decode(errors="backslashreplace"))[1:-1])


def release(id: Id, reason: Reason, data: Data = DEFAULT_DATA, as_json: Json = False) -> None:
    """Hold nothing for a dead letter any longer. It may have been a revocation: make sure that it was not.

    \b
    moorage permissions dead-letters release 12 --reason "a test record of ours"
    """
    letter = operating(data, lambda api: api.release_letter(id, reason))
    if as_json:
        print_json(letter)
    else:
        print_text(f"Dead letter {id} holds nothing any longer.")


def _decided(sweep: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(sweep)
    elif sweep["state"] == "discarded":
        print_text(f"Sweep {sweep['id']} is discarded; nothing of it was applied.")
    else:
        print_text(f"Sweep {sweep['id']} goes on: {sweep['vanishing']} facts become absent.")


def _since(letter: dict[str, Any]) -> str:
    return str(letter["since"]) if letter["holds"] else "nothing"
