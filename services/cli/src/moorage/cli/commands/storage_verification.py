"""`moorage storage verify`: reads all that is stored, and tells what of it is damaged."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Final
from uuid import UUID

import typer
from rich.console import Console
from rich.filesize import decimal
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from moorage.cli.exit_code import ExitCode
from moorage.cli.options import Json
from moorage.cli.output import print_json, print_text
from moorage.cli.service_process import told_in_words
from moorage.cli.storage_place import StandaloneData, opened_storage

if TYPE_CHECKING:
    from moorage.storage import damage
    from moorage.storage.verification import Watch

_NAME: Final = "command"
_REMEDY: Final = """\
Until they are pushed again they are answered as not there. Push the images that hold them, from wherever they were
built or copied from: clients upload what is not there, and that heals it for every image. What was restored from
a backup is found to be whole by the next run. `moorage image list WORKSPACE --json` tells which name an id has."""

MaxRate = Annotated[
    int | None, typer.Option("--max-rate", metavar="MIB", min=1, help="Read at most so many MiB per second.")
]
Restart = Annotated[bool, typer.Option("--restart", help="Begin anew, also if a run before this one did not end.")]


@dataclass(frozen=True, slots=True)
class Findings:
    """What a run has come to."""

    verified: "damage.Verified"
    damaged: list["damage.KnownDamage"]
    unowned: list[UUID]


def verify(
    restart: Restart = False, max_rate: MaxRate = None, data: StandaloneData = None, as_json: Json = False
) -> None:
    """Read every stored object, compare it with its digest and size, and tell what is damaged; 1 if anything is.

    A run that was ended goes on where it was when the command is given again. It works beside any number of running
    services and other runs.

    \b
    moorage storage verify --data /srv/moorage
    moorage storage verify --max-rate 50 --json
    """

    async def run() -> Findings:
        async with opened_storage(data) as storage:
            with _bar() as watch:
                verified = await storage.verification.run(
                    _NAME, watch, restart=restart, bytes_per_second=max_rate and max_rate * 2**20
                )
            damaged = [each async for each in storage.verification.damaged()]
            return Findings(verified, damaged, [key async for key in storage.verification.unowned()])

    findings = told_in_words(lambda: asyncio.run(run()))
    if as_json:
        print_json(_plain(findings))
    else:
        _print(findings)
    if findings.damaged:
        raise typer.Exit(ExitCode.FAILED)


@contextmanager
def _bar() -> "Iterator[Watch]":
    """A progress bar on a terminal; nothing where nobody looks."""
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.fields[objects]}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as progress:
        task = progress.add_task("", objects="")

        def watch(done: "damage.Progress", read: int, extent: "damage.Extent") -> None:
            objects = f"{done.objects} of {extent.objects} objects"
            progress.update(task, completed=done.bytes + read, total=extent.bytes, objects=objects)

        yield watch


def _plain(findings: Findings) -> dict[str, Any]:
    return {
        "objects": findings.verified.objects,
        "bytes": findings.verified.bytes,
        "resumed": findings.verified.resumed,
        "damaged": [
            {
                "digest": str(each.digest),
                "damage": each.damage.value,
                "size": each.size,
                "found_at": each.found_at.isoformat(),
                "images": [str(image) for image in each.images],
            }
            for each in findings.damaged
        ],
        "unowned": [str(key) for key in findings.unowned],
    }


def _print(findings: Findings) -> None:
    verified, damaged = findings.verified, findings.damaged
    earlier = f", {verified.resumed} of them in an earlier run" if verified.resumed else ""
    print_text(f"Read {verified.objects} objects ({decimal(verified.bytes)}){earlier}: {len(damaged)} are damaged.")
    for each in damaged:
        print_text(f"{each.digest} is {each.damage.value}{', held by' if each.images else ', held by no image'}")
        for image in each.images:
            print_text(f"    image {image}")
    if damaged:
        print_text(_REMEDY)
    if findings.unowned:
        print_text(f"{len(findings.unowned)} objects are owned by nothing: they take space and do no harm.")
