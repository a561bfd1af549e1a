"""The management API of a registry (`/api/v1`), one method per operation, in the words of moorage.access.wire."""

from collections.abc import AsyncIterator
from typing import Any, TypeVar
from uuid import UUID

from pydantic import BaseModel, ValidationError

from moorage.access import wire
from moorage.access.action import Action
from moorage.cli.failure import CommandFailed
from moorage.cli.http_client import HttpClient
from moorage.oci.reference import ImageName

Body = TypeVar("Body", bound=BaseModel)
PAGE = 100


class ManagementApi:
    """Asks over an open client. Every method raises what HttpClient.ask raises."""

    def __init__(self, client: HttpClient) -> None:
        self._client = client

    async def create_image(self, name: ImageName, repository: str) -> wire.ImageBody:
        """Creates a record linked to the repository (slug or UUID)."""
        return await self._ask(wire.ImageBody, "POST", "/api/v1/images", name=str(name), repository=repository)

    async def images(self, workspace: str) -> AsyncIterator[wire.ImageBody]:
        """Every record of the workspace that the caller may pull, by name, page after page."""
        cursor: str | None = None
        while True:
            query = {"workspace": workspace, "limit": str(PAGE)} | ({"cursor": cursor} if cursor else {})
            page = _read(wire.ListImagesAnswer, await self._client.ask("GET", "/api/v1/images", query=query))
            for image in page.images:
                yield image
            cursor = page.cursor
            if cursor is None:
                return

    async def image(self, name: ImageName) -> wire.ImageBody:
        """The record that has this name now. Raises CommandFailed if the caller may know of none."""
        answer = await self._client.ask("GET", "/api/v1/images", query={"name": str(name)})
        found = _read(wire.ListImagesAnswer, answer).images
        if not found:
            raise CommandFailed(
                f"No image {name} is available to you.",
                "Check the spelling, and whether this user may pull it; anonymous sees public images only.",
            )
        return found[0]

    async def set_image(self, image: UUID, setting: str, **members: str) -> wire.ImageBody:
        """Puts one setting (`visibility`, `push-policy`, `repository`) of the record."""
        return await self._ask(wire.ImageBody, "PUT", f"/api/v1/images/{image}/{setting}", **members)

    async def delete_image(self, image: UUID) -> None:
        """Deletes the record and what the image holds."""
        await self._client.ask("DELETE", f"/api/v1/images/{image}")

    async def create_token(self, spec: wire.TokenSpec, user: str | None) -> wire.CreateTokenAnswer:
        """Mints a personal token for the caller, or for `user` if the operator asks."""
        members = spec.model_dump(mode="json") | ({"user": user} if user else {})
        return await self._ask(wire.CreateTokenAnswer, "POST", "/api/v1/tokens", **members)

    async def tokens(self, user: str | None) -> list[wire.TokenBody]:
        """The caller's tokens, or those of `user` if the operator asks, newest first."""
        query = {"user": user} if user else {}
        return _read(wire.ListTokensAnswer, await self._client.ask("GET", "/api/v1/tokens", query=query)).tokens

    async def revoke_token(self, token: UUID) -> None:
        """Ends a token; it is refused from the next request on."""
        await self._client.ask("DELETE", f"/api/v1/tokens/{token}")

    async def check(self, image: ImageName, action: Action) -> wire.CheckAnswer:
        """Whether the caller may do it now."""
        query = {"image": str(image), "action": action.value}
        return _read(wire.CheckAnswer, await self._client.ask("GET", "/api/v1/check", query=query))

    async def explain(self, image: ImageName, action: Action, principal: str | None) -> wire.Explanation:
        """Why the caller, or `principal`, may do it or not."""
        query = {"image": str(image), "action": action.value} | ({"principal": principal} if principal else {})
        return _read(wire.Explanation, await self._client.ask("GET", "/api/v1/explain", query=query))

    async def _ask(self, answer: type[Body], method: str, path: str, **members: Any) -> Body:
        return _read(answer, await self._client.ask(method, path, body=members))


def _read(answer: type[Body], content: Any) -> Body:
    try:
        return answer.model_validate(content)
    except ValidationError:
        raise CommandFailed(
            "The registry's answer is not in the form this version knows.",
            "Use the `moorage` command of the registry's own version.",
        ) from None
