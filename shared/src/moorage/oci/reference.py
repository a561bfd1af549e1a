"""Image names, tags and references as they stand in a path (distribution-spec, "Pulling manifests")."""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from moorage.oci.digest import Digest
from moorage.oci.errors import NameInvalid

MAX_NAME: Final = 255
MAX_COMPONENT: Final = 128
_COMPONENT: Final = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_NAME: Final = re.compile(rf"{_COMPONENT}(?:/{_COMPONENT})*")
_TAG: Final = re.compile(r"[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}")


@dataclass(frozen=True, slots=True, order=True)
class ImageName:
    """`<workspace>/<image>`; the image part may hold further slashes. One component alone names nothing."""

    workspace: str
    image: str

    @staticmethod
    def parse(text: str) -> "ImageName":
        """The name that `text` spells. Raises NameInvalid (R2)."""
        return _parsed_name(text)

    @classmethod
    def _read(cls, text: str) -> "ImageName":
        if len(text) > MAX_NAME:
            raise NameInvalid(f"an image name has at most {MAX_NAME} characters")
        if not _NAME.fullmatch(text):
            raise NameInvalid(
                "an image name is <workspace>/<image>: lower-case letters and digits, "
                "with single '.', '_', '__' or dashes between them, and '/' between its parts"
            )
        workspace, _, image = text.partition("/")
        if max(map(len, text.split("/"))) > MAX_COMPONENT:
            raise NameInvalid(f"each part of an image name has at most {MAX_COMPONENT} characters")
        return cls(workspace, image)

    def __str__(self) -> str:
        return f"{self.workspace}/{self.image}" if self.image else self.workspace


@dataclass(frozen=True, slots=True, order=True)
class Tag:
    """A mutable name of a manifest within an image."""

    text: str

    @classmethod
    def parse(cls, text: str) -> "Tag":
        """The tag that `text` spells. Raises NameInvalid."""
        if not _TAG.fullmatch(text):
            raise NameInvalid("a tag has 1 to 128 letters, digits, '_', '.' or '-', and does not start with '.' or '-'")
        return cls(text)

    def __str__(self) -> str:
        return self.text


@lru_cache(maxsize=4096)
def _parsed_name(text: str) -> ImageName:
    """Few names are asked for all the time, and each several times in one request."""
    return ImageName._read(text)


Reference = Tag | Digest


def parse_reference(text: str) -> Reference:
    """The tag or digest that `text` spells; a colon means a digest. Raises NameInvalid, DigestInvalid."""
    return Digest.parse(text) if ":" in text else Tag.parse(text)
