"""`/internal/v1/topics/accept`: the operator accepts a fact topic that was made anew (R112)."""

from typing import Final

from aiohttp import web

from moorage.access.wire import IdentityBody
from moorage.permissions.authority import answering
from moorage.permissions.bodies import identity_of
from moorage.permissions.http.bodies import answer, read_model
from moorage.permissions.http.callers import ServiceGuard
from moorage.permissions.topic_acceptance import AcceptTopicRequest, TopicAcceptance

_MAX_BYTES: Final = 16 * 1024


class TopicRoutes:
    """The routes of fact topics."""

    def __init__(self, acceptance: TopicAcceptance, guard: ServiceGuard) -> None:
        self._acceptance = acceptance
        self._guard = guard

    async def accept(self, request: web.Request) -> web.Response:
        """The topic is followed as it is now, from its beginning."""
        operator = await self._guard.admit_operator(request)
        body = await read_model(request, AcceptTopicRequest, _MAX_BYTES)
        with answering():
            return answer(await self._acceptance.accept(body, IdentityBody.of(identity_of(operator))))
