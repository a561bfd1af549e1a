"""What the clients of the matrix have in common, so that one test can be told of each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final

from servers.client_process import Client, Outcome
from servers.images import layers_of

OUR_REFUSAL: Final = "no image of this name is available to you"
"""The registry's own words, where a client shows them."""


@dataclass(frozen=True)
class Words:
    """What the client writes for its user to read, or what is in it of the registry's own words."""

    wrong_password: str
    hidden: str
    """To somebody who may not know of the image."""
    nobody: str
    """To somebody without a login."""
    revoked: str
    """To somebody whose credential counts no more, amid a push."""


class RegistryClient(Client):
    """A client whose operations all have one form; an operation that it lacks stands in `cannot` with the reason."""

    cannot: ClassVar[Mapping[str, str]] = {}
    keeps_bytes: ClassVar[bool] = True
    """Whether what it pushes is byte for byte what it was given; engines pack layers anew."""

    login_asks: ClassVar[bool] = True
    """Whether a login asks the registry if the credential is right."""
    renewal_margin: ClassVar[float | None] = None
    """How many seconds before a token's end it gets a new one, by its own clock; None: once a 401 tells it."""
    words: ClassVar[Words]

    async def version(self) -> str:
        """As the client itself says it."""
        told = await self.run("--version")
        return told.stdout.split()[-1]

    async def login(self, username: str, token: str) -> Outcome:
        """Keeps the credential, if it is right."""
        raise NotImplementedError

    async def push(self, layout: Path, image: str) -> Outcome:
        """The layout's image; an engine pushes this machine's platform."""
        raise NotImplementedError

    async def push_platforms(self, layout: Path, image: str) -> Outcome:
        """The layout's index with all its platforms."""
        return await self.push(layout, image)

    async def pull(self, image: str, folder: Path, platform: str = "linux/amd64") -> Outcome:
        """The image into a layout in `folder` with all platforms; an engine pulls one into its store."""
        raise NotImplementedError

    async def layers(self, image: str, folder: Path, platform: str = "linux/amd64") -> Sequence[str]:
        """The digests of the uncompressed layers of what was pulled."""
        return layers_of(folder, platform)

    async def resolve(self, image: str) -> Outcome:
        """Asks for the image in the cheapest way whose refusal shows what the registry said."""
        raise NotImplementedError
