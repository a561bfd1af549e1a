"""`moorage tag …`: the tags of an image, and deleted ones that come back."""

from typing import TYPE_CHECKING, Annotated

import typer

from moorage.cli.arguments import Image, image_name, tagged_name
from moorage.cli.login import LoginOptions
from moorage.cli.options import AsUser, CredentialsFile, Json, Server, TokenFile
from moorage.cli.output import print_json, print_table, print_text
from moorage.cli.session import managing

if TYPE_CHECKING:
    from moorage.access.content_wire import DeletedTagBody
    from moorage.cli.management_api import ManagementApi


def register(app: typer.Typer) -> None:
    """Adds the group."""
    group = typer.Typer(no_args_is_help=True, help="Tags of an image: list, restore deleted ones.")
    group.command("list")(list_)
    group.command("restore")(restore)
    app.add_typer(group, name="tag")


def list_(
    image: Image,
    deleted: Annotated[bool, typer.Option("--deleted", help="The deleted ones that you can restore.")] = False,
    server: Server = None,
    user: AsUser = None,
    credentials: CredentialsFile = None,
    token_file: TokenFile = None,
    as_json: Json = False,
) -> None:
    """List the tags of an image; with --deleted those that can be restored, which needs WRITE on its repository.

    \b
    moorage tag list acme/hello/tool --as carol
    moorage tag list acme/hello/tool --deleted --as alice
    """
    name, login = image_name(image), LoginOptions(server, user, credentials, token_file).login()
    if deleted:
        _show_deleted(str(name), managing(login, lambda api: _deleted(api, image)), as_json)
        return
    tags = managing(login, lambda api: api.tags(name))
    if as_json:
        print_json(tags)
    else:
        print_text("\n".join(tags) or f"{name} has no tag.")


def restore(
    tag: Annotated[str, typer.Argument(metavar="IMAGE:TAG", help="What was deleted, WORKSPACE/NAME:TAG.")],
    server: Server = None,
    user: AsUser = None,
    credentials: CredentialsFile = None,
    token_file: TokenFile = None,
    as_json: Json = False,
) -> None:
    """Restore a deleted tag with what it named; needs WRITE on the image's repository.

    A tag that was pushed again since stays as it is.

    \b
    moorage tag list acme/hello/tool --deleted --as alice
    moorage tag restore acme/hello/tool:v1 --as alice
    """
    (name, text), login = tagged_name(tag), LoginOptions(server, user, credentials, token_file).login().known()

    async def back(api: "ManagementApi") -> str:
        return await api.restore_tag((await api.image(name)).id, text)

    digest = managing(login, back)
    if as_json:
        print_json({"image": str(name), "tag": text, "digest": digest})
    else:
        print_text(f"Restored {name}:{text}; it names {digest}.")


async def _deleted(api: "ManagementApi", image: str) -> "list[DeletedTagBody]":
    id = (await api.image(image_name(image))).id
    return [tag async for tag in api.deleted_tags(id)]


def _show_deleted(image: str, tags: "list[DeletedTagBody]", as_json: bool) -> None:
    if as_json:
        print_json([tag.model_dump(mode="json") for tag in tags])
    elif tags:
        print_table(
            ("TAG", "DIGEST", "DELETED", "BY", "RESTORABLE UNTIL"),
            [
                (
                    tag.name,
                    tag.digest,
                    tag.deleted_at.isoformat(" ", "minutes"),
                    tag.deleted_by,
                    tag.restorable_until.isoformat(" ", "minutes"),
                )
                for tag in tags
            ],
        )
    else:
        print_text(f"{image} has no deleted tag that can be restored.")
