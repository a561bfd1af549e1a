"""`/internal/v1/sweeps`, `/dead_letters` and `/requests`: what waits for the operator, and for sources."""

from typing import Final

from aiohttp import web

from moorage.access.problems import NotFound
from moorage.access.wire import Answer, IdentityBody
from moorage.permissions.authority import answering
from moorage.permissions.bodies import identity_of
from moorage.permissions.http.bodies import answer, read_model, read_query
from moorage.permissions.http.callers import ServiceGuard
from moorage.permissions.http.ingest import SourceFinder
from moorage.permissions.reconcile.oversight import DecideSweepRequest, LettersQuery, Oversight, ReleaseRequest
from moorage.permissions.source_requests import RequestsQuery, SourceRequests

_MAX_REQUEST: Final = 16 * 1024


class OversightRoutes:
    """The routes of the operator."""

    def __init__(self, oversight: Oversight, guard: ServiceGuard) -> None:
        self._oversight = oversight
        self._guard = guard

    async def sweeps(self, request: web.Request) -> web.Response:
        """Lists the snapshots under way."""
        await self._guard.admit_operator(request)
        with answering():
            return answer(await self._oversight.sweeps())

    async def decide(self, request: web.Request) -> web.Response:
        """Confirms or discards a held sweep."""
        operator = await self._guard.admit_operator(request)
        body = await read_model(request, DecideSweepRequest, _MAX_REQUEST)
        with answering():
            return answer(await self._oversight.decide(_id(request), body, IdentityBody.of(identity_of(operator))))

    async def letters(self, request: web.Request) -> web.Response:
        """Lists dead letters."""
        await self._guard.admit_operator(request)
        query = read_query(request, LettersQuery)
        with answering():
            return answer(await self._oversight.letters(query))

    async def letter(self, request: web.Request) -> web.Response:
        """One dead letter, with its record."""
        await self._guard.admit_operator(request)
        with answering():
            return answer(await self._oversight.letter(_id(request)))

    async def release(self, request: web.Request) -> web.Response:
        """Takes what a dead letter holds."""
        operator = await self._guard.admit_operator(request)
        body = await read_model(request, ReleaseRequest, _MAX_REQUEST)
        with answering():
            return answer(await self._oversight.release(_id(request), body, str(operator.id)))


class RequestRoutes:
    """The routes of sources that are asked for something."""

    def __init__(self, requests: SourceRequests, sources: SourceFinder, guard: ServiceGuard) -> None:
        self._requests = requests
        self._sources = sources
        self._guard = guard

    async def waiting(self, request: web.Request) -> web.Response:
        """What the source is asked; waits up to `?wait=` seconds for the first request."""
        credential = await self._guard.admit(request)
        query = read_query(request, RequestsQuery)
        source = await self._sources.find(credential, query.source)
        with answering():
            return answer(await self._requests.waiting(source, query.wait))

    async def done(self, request: web.Request) -> web.Response:
        """The source has answered."""
        credential = await self._guard.admit(request)
        source = await self._sources.find(credential, request.query.get("source"))
        with answering():
            await self._requests.done(source, _id(request))
        return answer(Answer())


def _id(request: web.Request) -> int:
    text = request.match_info["id"]
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise NotFound("an id is a number")
    return int(text)
