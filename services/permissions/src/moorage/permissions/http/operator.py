"""`/internal/v1/sources` and `/internal/v1/ids`: what the operator alone may ask."""

from typing import Final

from aiohttp import web

from moorage.permissions.authority import answering
from moorage.permissions.http.bodies import answer, read_model, read_query
from moorage.permissions.http.callers import ServiceGuard
from moorage.permissions.names import Names, NamesRequest
from moorage.permissions.sources import DeclareSourceRequest, SourceDeclarations

_MAX_DECLARATION: Final = 1024 * 1024


class OperatorRoutes:
    """The routes of the operator."""

    def __init__(self, declarations: SourceDeclarations, names: Names, guard: ServiceGuard) -> None:
        self._declarations = declarations
        self._names = names
        self._guard = guard

    async def declare(self, request: web.Request) -> web.Response:
        """Declares a source."""
        await self._guard.admit_operator(request)
        body = await read_model(request, DeclareSourceRequest, _MAX_DECLARATION)
        with answering():
            return answer(await self._declarations.declare(body))

    async def sources(self, request: web.Request) -> web.Response:
        """Lists the declared sources, without their secrets."""
        await self._guard.admit_operator(request)
        with answering():
            return answer(await self._declarations.all())

    async def ids(self, request: web.Request) -> web.Response:
        """The ids behind `?workspace=`, `?repository=` and `?user=`."""
        await self._guard.admit_operator(request)
        names = read_query(request, NamesRequest)
        with answering():
            return answer(await self._names.ids(names))
