"""`/internal/v1/epoch`: the operator begins an epoch, and confirms what can't be told again (authorization.md §3.1)."""

from typing import Final

from aiohttp import web

from moorage.access.sync_wire import BumpEpochRequest
from moorage.permissions.authority import answering
from moorage.permissions.epochs import Epochs
from moorage.permissions.http.bodies import answer, read_model
from moorage.permissions.http.callers import ServiceGuard

_MAX_BYTES: Final = 16 * 1024


class EpochRoutes:
    """The routes of epochs; they answer also while changes are lost."""

    def __init__(self, epochs: Epochs, guard: ServiceGuard) -> None:
        self._epochs = epochs
        self._guard = guard

    async def bump(self, request: web.Request) -> web.Response:
        """Begins a new epoch."""
        await self._guard.admit_operator(request)
        body = await read_model(request, BumpEpochRequest, _MAX_BYTES)
        with answering():
            return answer(await self._epochs.bump(body))

    async def confirm(self, request: web.Request) -> web.Response:
        """What was told by hand and over HTTP is current."""
        await self._guard.admit_operator(request)
        with answering():
            return answer(await self._epochs.confirm())
