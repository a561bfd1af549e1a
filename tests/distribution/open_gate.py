"""A gate for tests of everything behind it: admits everyone to everything, and notes what it was asked."""

from uuid import NAMESPACE_URL, UUID, uuid5

from aiohttp import web

from moorage.access.action import Action
from moorage.distribution.content import Actor
from moorage.distribution.gate import Admission
from moorage.oci.errors import RegistryError


class OpenGate:
    """See Gate. `refusals` maps the name of a method or an action to what it raises instead."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []
        self.refusals: dict[str, RegistryError] = {}
        self.settled: list[str] = []

    async def ping(self, request: web.Request) -> None:
        """See Gate."""
        self._ask("ping", "")

    async def admit(self, request: web.Request, name: str, action: Action) -> Admission:
        """See Gate."""
        self._ask("admit", action)
        return Admission(image_called(name), name, Actor("user:00000000-0000-0000-0000-000000000001", 1))

    async def admit_change(self, request: web.Request, name: str, action: Action) -> Admission:
        """See Gate; at a later position than `admit`."""
        self._ask("admit_change", action)
        return Admission(image_called(name), name, Actor("user:00000000-0000-0000-0000-000000000001", 1, "zt1.1.7"))

    async def mount_source(self, request: web.Request, source: str) -> UUID | None:
        """See Gate."""
        self._ask("mount_source", "")
        return image_called(source)

    async def settle(self, request: web.Request, admission: Admission, token: str) -> None:
        """See Gate."""
        self.settled.append(token)
        self._ask("settle", "")

    def _ask(self, method: str, action: str) -> None:
        self.asked.append((method, action))
        for key in (method, action):
            if key in self.refusals:
                raise self.refusals[key]


def image_called(name: str) -> UUID:
    """The image of this name: every name has one."""
    return uuid5(NAMESPACE_URL, name)
