"""Arguments that several commands take, parsed at the edge into values."""

import json
import re
from typing import Annotated, Final
from uuid import UUID

import typer

from moorage.access.action import Action
from moorage.cli.failure import UsageInvalid
from moorage.oci.errors import RegistryError
from moorage.oci.reference import ImageName, Tag

Image = Annotated[str, typer.Argument(metavar="IMAGE", help="Name of the image, WORKSPACE/NAME, without a tag.")]
ActionName = Annotated[
    Action, typer.Argument(metavar="ACTION", help=f"One of {', '.join(action.value for action in Action)}.")
]
# What clients call the image: an address, which has a port, before the name, and a tag or digest behind it.
CLIENT_NAME: Final = re.compile(r"(?:[^/]*:\d+/)?(?P<name>[^:@]+)(?:[:@].*)?")


def image_name(text: str) -> ImageName:
    """The image that `text` names. Raises UsageInvalid, which knows the usual slips."""
    match = CLIENT_NAME.fullmatch(text)
    if match and match["name"] != text:
        raise UsageInvalid(
            f"{json.dumps(text)} has an address, tag or digest in it, and the name alone is meant.",
            f"Write {json.dumps(match['name'])}.",
        )
    try:
        name = ImageName.parse(text)
    except RegistryError as error:
        raise UsageInvalid(f"{json.dumps(text)} is not an image name: {error}.", "Write WORKSPACE/NAME.") from None
    if not name.image:
        raise UsageInvalid(f"{json.dumps(text)} names a workspace only.", f"Write {text}/NAME.")
    return name


def tagged_name(text: str) -> tuple[ImageName, str]:
    """The image and the tag that `text` names, WORKSPACE/NAME:TAG. Raises UsageInvalid."""
    image, _, tag = text.rpartition(":")
    try:
        return image_name(image), Tag.parse(tag).text
    except RegistryError:
        raise UsageInvalid(f"{json.dumps(text)} names no tag.", "Write WORKSPACE/NAME:TAG.") from None


def identifier(text: str, where: str) -> UUID:
    """The UUID that `text` spells; `where` says how to find the right one. Raises UsageInvalid."""
    try:
        return UUID(text)
    except ValueError:
        raise UsageInvalid(f"{json.dumps(text)} is not an id.", where) from None
