"""What a cell of the matrix is tried with: a registry behind a door, its people, and an image."""

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from clients.door import Door
from clients.look import Look
from hostile.attacker import Attacker
from servers.clients.registry_client import RegistryClient
from servers.images import layers_of, multi_arch_layout
from servers.places import CACHE
from servers.registry import Login, StandaloneRegistry

ADMIN, READER, MEMBER, OUTSIDER = "alice", "carol", "dave", "mallory"
PLATFORMS: Final = ("linux/amd64", "linux/arm64")
_NUMBERS: Final = itertools.count(1)

NewClient = Callable[[Path], RegistryClient]


@dataclass
class Bench:
    """One test's place at the registry. `homes` has a short path: podman refuses one of over 50 characters.

    `address` is the door's, as image names carry it; `note` puts something into the report of the test.
    """

    registry: StandaloneRegistry
    address: str
    attacker: Attacker
    door: Door
    new_client: NewClient
    folder: Path
    homes: Path
    note: Callable[[str, object], None]

    @property
    def look(self) -> Look:
        """The registry as its image's admin sees it, past the door."""
        return Look(self.attacker, ADMIN)

    @property
    def image(self) -> Path:
        """The layout of an image for two platforms."""
        return multi_arch_layout(CACHE)

    def layers(self, platform: str = PLATFORMS[0]) -> list[str]:
        """The uncompressed layers of that image."""
        return layers_of(self.image, platform)

    def name(self) -> str:
        """The name of an image that does not exist yet, in the repository hello."""
        return f"acme/hello/image{next(_NUMBERS)}"

    def place(self) -> Path:
        """A folder that does not exist yet."""
        return self.folder / f"place{next(_NUMBERS)}"

    async def client(self, user: str | Login | None = ADMIN) -> Any:
        """The client in a new home, logged in unless it is nobody's."""
        client = self.new_client(self.homes / str(next(_NUMBERS)))
        if user:
            login = self.registry.logins[user] if isinstance(user, str) else user
            outcome = await client.login(login.username, login.token)
            assert outcome.succeeded, outcome
        return client
