"""`moorage storage …`: maintenance of the storage service."""

import asyncio

import typer

from moorage.cli.output import print_text
from moorage.cli.service_process import settings_of, told_in_words


def register(group: typer.Typer) -> None:
    """Adds the commands."""
    group.command("migrate")(migrate)


def migrate() -> None:
    """Bring storage's schema to this version; safe to run again, and while others run.

    Every start does the same. By itself it serves deployments that migrate in a step of their own.
    """
    from moorage.cli.service_mains import migrate_storage
    from moorage.storage.settings import StorageSettings

    settings = settings_of(StorageSettings)
    told_in_words(lambda: asyncio.run(migrate_storage(settings.database_url.get_secret_value())))
    print_text("The schema of storage is at this version.")
