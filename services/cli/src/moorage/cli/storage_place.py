"""Which storage a command is for: that of a service, told by the environment, or of a standalone registry's folder."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from moorage.cli.failure import CommandFailed, UsageInvalid
from moorage.cli.service_process import settings_of

if TYPE_CHECKING:
    from moorage.storage.app import Storage

StandaloneData = Annotated[
    Path | None,
    typer.Option(
        "--data",
        metavar="FOLDER",
        help="Data folder of a registry by `moorage serve`, whether it runs or not. Without it, variables "
        "MOORAGE_STORAGE_… tell everything.",
    ),
]


@asynccontextmanager
async def opened_storage(data: Path | None) -> "AsyncIterator[Storage]":
    """The storage meant, connected. Raises CommandFailed, and what `connect_storage` raises."""
    from moorage.storage.app import connect_storage
    from moorage.storage.settings import StorageSettings

    if data is None:
        try:
            settings = settings_of(StorageSettings)
        except UsageInvalid as error:
            remedy = f"{error.remedy} For a registry by `moorage serve`, name its folder instead: --data FOLDER."
            raise UsageInvalid(str(error), remedy) from None
        async with connect_storage(settings) as storage:
            yield storage
        return
    # The standalone registry takes long to import: only who uses it waits for that.
    from moorage.standalone.errors import StartRefused
    from moorage.standalone.maintenance import storage_settings

    try:
        async with storage_settings(data) as settings, connect_storage(settings) as storage:
            yield storage
    except StartRefused as refusal:
        raise CommandFailed(str(refusal), refusal.remedy) from None
