"""Explanations asked of a registry (`/api/v1/explain` and its kin), in the words of moorage.access.explain_wire."""

import json
from collections.abc import AsyncIterator, Mapping
from typing import Any, TypeVar
from urllib.parse import quote
from uuid import UUID

from pydantic import BaseModel, ValidationError

from moorage.access import explain_wire as wire
from moorage.access.action import Action
from moorage.cli.failure import CommandFailed
from moorage.cli.http_client import HttpClient
from moorage.oci.reference import ImageName

Body = TypeVar("Body", bound=BaseModel)
Query = Mapping[str, str | None]
PAGE = "500"


class InsightApi:
    """Asks over an open client. Every method raises what HttpClient.ask raises."""

    def __init__(self, client: HttpClient) -> None:
        self._client = client

    async def explain(
        self, image: ImageName, action: Action, principal: str | None, claims: dict[str, Any] | None, at: str | None
    ) -> wire.Explanation:
        """Why the caller, or somebody else, may do it or not, now or then."""
        told = json.dumps(claims) if claims else None
        query = {"image": str(image), "action": action.value, "principal": principal, "claims": told, "at": at}
        return await self._get(wire.Explanation, "/api/v1/explain", query)

    async def who_can(self, image: UUID, role: str, at: str | None) -> AsyncIterator[wire.WhoCanAnswer]:
        """Everybody with at least this role, page after page of one position."""
        query: Query = {"role": role, "at": at}
        async for page in self._pages(wire.WhoCanAnswer, f"/api/v1/images/{image}/access", query):
            yield page

    async def what_can(self, user: str, workspace: str, role: str, at: str | None) -> AsyncIterator[wire.WhatCanAnswer]:
        """The images on which the user has at least this role, page after page of one position."""
        query: Query = {"workspace": workspace, "role": role, "at": at}
        async for page in self._pages(wire.WhatCanAnswer, f"/api/v1/users/{quote(user, safe='')}/images", query):
            yield page

    async def image_diff(self, image: UUID, since: str, until: str | None) -> AsyncIterator[wire.DiffAnswer]:
        """Whose role on the image differs."""
        query: Query = {"from": since, "to": until}
        async for page in self._pages(wire.DiffAnswer, f"/api/v1/images/{image}/access/diff", query):
            yield page

    async def user_diff(
        self, user: str, workspace: str, since: str, until: str | None
    ) -> AsyncIterator[wire.DiffAnswer]:
        """On which images the user's role differs."""
        query: Query = {"workspace": workspace, "from": since, "to": until}
        async for page in self._pages(wire.DiffAnswer, f"/api/v1/users/{quote(user, safe='')}/images/diff", query):
            yield page

    async def preview(self, workspace: str, changes: list[dict[str, Any]]) -> wire.PreviewAnswer:
        """What these changes would do."""
        body = {"workspace": workspace, "changes": changes}
        return _read(wire.PreviewAnswer, await self._client.ask("POST", "/api/v1/preview", body=body))

    async def offboarding(self, user: str, workspace: str | None) -> wire.OffboardingAnswer:
        """Since when every gateway refuses the user."""
        path = f"/api/v1/users/{quote(user, safe='')}/offboarding"
        return await self._get(wire.OffboardingAnswer, path, {"workspace": workspace})

    async def _pages(self, answer: type[Body], path: str, query: Query) -> AsyncIterator[Body]:
        cursor: str | None = None
        while True:
            page = await self._get(answer, path, {**query, "limit": PAGE, "cursor": cursor})
            yield page
            cursor = getattr(page, "cursor", None)
            if cursor is None:
                return

    async def _get(self, answer: type[Body], path: str, query: Query) -> Body:
        given = {name: value for name, value in query.items() if value is not None}
        return _read(answer, await self._client.ask("GET", path, query=given))


def _read(answer: type[Body], content: Any) -> Body:
    try:
        return answer.model_validate(content)
    except ValidationError:
        raise CommandFailed(
            "The registry's answer is not in the form this version knows.",
            "Use the `moorage` command of the registry's own version.",
        ) from None
