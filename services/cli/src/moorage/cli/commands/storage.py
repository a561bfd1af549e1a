"""`moorage storage …`: maintenance of the storage service."""

import asyncio
from dataclasses import asdict
from typing import Annotated

import typer

from moorage.cli.commands import storage_verification
from moorage.cli.options import Json
from moorage.cli.output import print_json, print_text, progress
from moorage.cli.service_process import settings_of, told_in_words
from moorage.cli.storage_place import StandaloneData, opened_storage


def register(group: typer.Typer) -> None:
    """Adds the commands."""
    group.command("migrate")(migrate)
    group.command("expire")(expire)
    group.command("verify")(storage_verification.verify)
    group.command("collect")(collect)


def migrate() -> None:
    """Bring storage's schema to this version; safe to run again, and while others run.

    Every start does the same. By itself it serves deployments that migrate in a step of their own.
    """
    from moorage.storage.app import migrate_storage
    from moorage.storage.settings import StorageSettings

    settings = settings_of(StorageSettings)
    told_in_words(lambda: asyncio.run(migrate_storage(settings.database_url.get_secret_value())))
    print_text("The schema of storage is at this version.")


def expire(data: StandaloneData = None, as_json: Json = False) -> None:
    """End uploads that were left, and free bytes that nothing owns; storage does the same every few minutes.

    It works beside any number of running services.

    \b
    moorage storage expire --data /srv/moorage
    """
    from moorage.storage.expiry import Expired

    async def run() -> Expired:
        async with opened_storage(data) as storage:
            return await storage.expire()

    expired = told_in_words(lambda: asyncio.run(run()))
    if as_json:
        print_json(asdict(expired))
    else:
        print_text(f"Ended {expired.sessions} uploads; freed {expired.bytes} bytes of {expired.objects} objects.")


def collect(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go; nothing is changed.")] = False,
    data: StandaloneData = None,
    as_json: Json = False,
) -> None:
    """Take away what nothing names any more, once its grace is over; storage does the same every few minutes.

    Nobody has to wait for it: pushes and pulls go on.
    The bytes of blobs are returned to the disk by the next `moorage storage expire`.

    \b
    moorage storage collect --dry-run
    moorage storage collect --data /srv/moorage --json
    """
    from moorage.storage.collection import Collected

    async def run() -> Collected:
        async with opened_storage(data) as storage:
            due = sum(queue.due for queue in (await storage.collection.queues()).values())
            with progress("Looking at what nothing names", due) as told:
                return await (storage.collection.preview(told) if dry_run else storage.collection.run(told))

    collected = told_in_words(lambda: asyncio.run(run()))
    if as_json:
        print_json(asdict(collected))
    else:
        print_text(_collected(asdict(collected), "Would take away" if dry_run else "Took away"))


def _collected(count: dict[str, int], verb: str) -> str:
    return (
        f"{verb} {count['tags']} deleted tags, {count['manifests']} manifests, {count['links']} links of blobs "
        f"and {count['blobs']} blobs with {count['bytes']} bytes."
    )
