"""The permissions service over HTTP: one operation per POST, and the change stream as lines of JSON."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Final, TypeVar
from uuid import UUID

import aiohttp
from aiohttp.http_exceptions import LineTooLong
from pydantic import ValidationError

from moorage.access import deletion_wire, explain_wire, problems, wire
from moorage.access.audit import (
    AuditRecord,
    FindDecisionRequest,
    KeepAuditAnswer,
    KeepAuditRequest,
    ListAuditAnswer,
    ListAuditRequest,
)
from moorage.access.consistency import ConsistencyToken
from moorage.access.frames import Frame
from moorage.access.packed import Packed, PackedUnreadable, unpack
from moorage.access.problems import PositionGone, Problem, ServiceUnavailable
from moorage.access.reading_wire import FindWorkspaceRequest, ListCatalogRequest
from moorage.access.sums import WorkspaceSum
from moorage.access.sync_wire import (
    AwaitFleetRequest,
    FleetAnswer,
    FleetProgress,
    FleetReport,
    RefreshAnswer,
    RefreshRequest,
    SyncStatus,
    SyncStatusRequest,
)
from moorage.distribution.headers import DECISION_ID
from moorage.gateway.adapters.frame_reader import read_frame

SNAPSHOT_SECONDS: Final = 60.0
SILENCE_SECONDS: Final = 5.0
MAX_FRAME_BYTES: Final = 4 * 1024 * 1024
_CONNECT_SECONDS: Final = 2.0


@dataclass(frozen=True, slots=True)
class Budgets:
    """Seconds that an operation may take, all attempts together.

    A client waits behind a question, which is soon asked again; of a change nobody knows then whether it was made.
    """

    question: float = 1.0
    change: float = 5.0


DEFAULT_BUDGETS: Final = Budgets()
_NOT_SENT: Final = (aiohttp.ClientConnectorError,)
_FAILED: Final = (aiohttp.ClientError, OSError, ServiceUnavailable)

AnswerT = TypeVar("AnswerT", bound=wire.Answer)


class AuthorityClient:
    """Implements Authority and AuthorityFeed. The session is the caller's."""

    def __init__(
        self, session: aiohttp.ClientSession, url: str, service_token: str, budgets: Budgets = DEFAULT_BUDGETS
    ) -> None:
        self._session = session
        self._budgets = budgets
        self._headers = {"Authorization": f"Bearer {service_token}"}
        self._root = f"{url.rstrip('/')}/internal/v1"

    async def authenticate(self, request: wire.AuthenticateRequest) -> wire.AuthenticateAnswer:
        """See Authority."""
        return await self._ask("authenticate", request, wire.AuthenticateAnswer)

    async def check(self, request: wire.CheckRequest) -> wire.CheckAnswer:
        """See Authority."""
        return await self._ask("check", request, wire.CheckAnswer)

    async def first_push(self, request: wire.FirstPushRequest) -> wire.CheckAnswer:
        """See Authority."""
        return await self._repeat("first_push", request, wire.CheckAnswer)

    async def create_image(self, request: wire.CreateImageRequest) -> wire.ImageBody:
        """See Authority."""
        return await self._change("create_image", request, wire.ImageBody)

    async def find_image(self, request: wire.FindImageRequest) -> wire.ImageBody:
        """See Authority."""
        return await self._ask("find_image", request, wire.ImageBody)

    async def list_images(self, request: wire.ListImagesRequest) -> wire.ListImagesAnswer:
        """See Authority."""
        return await self._ask("list_images", request, wire.ListImagesAnswer)

    async def list_catalog(self, request: ListCatalogRequest) -> wire.ListImagesAnswer:
        """See Authority."""
        return await self._ask("list_catalog", request, wire.ListImagesAnswer)

    async def set_image(self, request: wire.SetImageRequest) -> wire.ImageBody:
        """See Authority."""
        return await self._repeat("set_image", request, wire.ImageBody)

    async def relink_image(self, request: wire.RelinkImageRequest) -> wire.ImageBody:
        """See Authority."""
        return await self._change("relink_image", request, wire.ImageBody)

    async def delete_image(self, request: wire.DeleteImageRequest) -> wire.ImageBody:
        """See Authority."""
        return await self._change("delete_image", request, wire.ImageBody)

    async def restore_image(self, request: deletion_wire.RestoreImageRequest) -> wire.ImageBody:
        """See Authority."""
        return await self._repeat("restore_image", request, wire.ImageBody)

    async def list_deleted_images(self, request: deletion_wire.ListDeletedImagesRequest) -> wire.ListImagesAnswer:
        """See Authority."""
        return await self._ask("list_deleted_images", request, wire.ListImagesAnswer)

    async def purgeable(self, request: deletion_wire.PurgeableRequest) -> deletion_wire.PurgeableAnswer:
        """See Authority."""
        return await self._repeat("purgeable", request, deletion_wire.PurgeableAnswer)

    async def purged(self, request: deletion_wire.PurgedRequest) -> deletion_wire.PurgedAnswer:
        """See Authority."""
        return await self._repeat("purged", request, deletion_wire.PurgedAnswer)

    async def unpushed(self, request: deletion_wire.UnpushedRequest) -> deletion_wire.UnpushedAnswer:
        """See Authority."""
        return await self._ask("unpushed", request, deletion_wire.UnpushedAnswer)

    async def looked_into(self, request: deletion_wire.LookedIntoRequest) -> deletion_wire.LookedIntoAnswer:
        """See Authority."""
        return await self._repeat("looked_into", request, deletion_wire.LookedIntoAnswer)

    async def find_workspace(self, request: FindWorkspaceRequest) -> wire.WorkspaceBody:
        """See Authority."""
        return await self._ask("find_workspace", request, wire.WorkspaceBody)

    async def set_workspace(self, request: wire.SetWorkspaceRequest) -> wire.WorkspaceBody:
        """See Authority."""
        return await self._repeat("set_workspace", request, wire.WorkspaceBody)

    async def create_token(self, request: wire.CreateTokenRequest) -> wire.CreateTokenAnswer:
        """See Authority."""
        return await self._change("create_token", request, wire.CreateTokenAnswer)

    async def list_tokens(self, request: wire.ListTokensRequest) -> wire.ListTokensAnswer:
        """See Authority."""
        return await self._ask("list_tokens", request, wire.ListTokensAnswer)

    async def revoke_token(self, request: wire.RevokeTokenRequest) -> wire.RevokeTokenAnswer:
        """See Authority."""
        return await self._repeat("revoke_token", request, wire.RevokeTokenAnswer)

    async def explain(self, request: explain_wire.ExplainRequest) -> explain_wire.Explanation:
        """See Authority."""
        return await self._repeat("explain", request, explain_wire.Explanation)

    async def who_can(self, request: explain_wire.WhoCanRequest) -> explain_wire.WhoCanAnswer:
        """See Authority."""
        return await self._repeat("who_can", request, explain_wire.WhoCanAnswer)

    async def what_can(self, request: explain_wire.WhatCanRequest) -> explain_wire.WhatCanAnswer:
        """See Authority."""
        return await self._repeat("what_can", request, explain_wire.WhatCanAnswer)

    async def image_diff(self, request: explain_wire.ImageDiffRequest) -> explain_wire.DiffAnswer:
        """See Authority."""
        return await self._repeat("image_diff", request, explain_wire.DiffAnswer)

    async def user_diff(self, request: explain_wire.UserDiffRequest) -> explain_wire.DiffAnswer:
        """See Authority."""
        return await self._repeat("user_diff", request, explain_wire.DiffAnswer)

    async def preview(self, request: explain_wire.PreviewRequest) -> explain_wire.PreviewAnswer:
        """See Authority."""
        return await self._repeat("preview", request, explain_wire.PreviewAnswer)

    async def offboarding(self, request: explain_wire.OffboardingRequest) -> explain_wire.OffboardingAnswer:
        """See Authority."""
        return await self._repeat("offboarding", request, explain_wire.OffboardingAnswer)

    async def keep_audit(self, request: KeepAuditRequest) -> KeepAuditAnswer:
        """See Authority."""
        return await self._repeat("audit", request, KeepAuditAnswer)

    async def list_audit(self, request: ListAuditRequest) -> ListAuditAnswer:
        """See Authority."""
        return await self._repeat("list_audit", request, ListAuditAnswer)

    async def find_decision(self, request: FindDecisionRequest) -> AuditRecord:
        """See Authority."""
        return await self._ask("find_decision", request, AuditRecord)

    async def report(self, report: FleetReport) -> FleetAnswer:
        """See AuthorityFeed."""
        return await self._repeat("fleet", report, FleetAnswer)

    async def await_fleet(self, request: AwaitFleetRequest) -> FleetProgress:
        """See Authority. The answer comes after the seconds of the request at the latest."""
        seconds = request.seconds + self._budgets.question
        return await self._call("await_fleet", request, FleetProgress, seconds, _FAILED)

    async def refresh(self, request: RefreshRequest) -> RefreshAnswer:
        """See Authority."""
        return await self._repeat("refresh", request, RefreshAnswer)

    async def sync_status(self, request: SyncStatusRequest) -> SyncStatus:
        """See Authority."""
        return await self._ask("sync_status", request, SyncStatus)

    async def snapshot(self, workspace: UUID | None, at_least: ConsistencyToken | None = None) -> Packed:
        """See AuthorityFeed. Decoded in a thread: this one serves requests meanwhile."""
        query = {"workspace": str(workspace)} if workspace else {}
        if at_least is not None:
            query["at_least"] = f"{at_least.epoch}.{at_least.seq}"
        try:
            return await asyncio.to_thread(unpack, await self._get("snapshot", query, SNAPSHOT_SECONDS))
        except PackedUnreadable as error:
            raise _unreachable(error) from error

    async def sum(self, workspace: UUID) -> WorkspaceSum:
        """See AuthorityFeed."""
        try:
            return WorkspaceSum.model_validate_json(
                await self._get("digest", {"workspace": str(workspace)}, SNAPSHOT_SECONDS)
            )
        except ValidationError as error:
            raise _unreachable(error) from error

    async def changes(self, after: ConsistencyToken) -> AsyncIterator[Frame]:
        """See AuthorityFeed. A stream without beats is given up after a few seconds: silence is not freshness (R82)."""
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_SECONDS, sock_read=SILENCE_SECONDS)
        query = {"after": f"{after.epoch}.{after.seq}"}
        try:
            async with self._session.get(
                f"{self._root}/changes",
                params=query,
                timeout=timeout,
                headers=self._headers,
                read_bufsize=MAX_FRAME_BYTES,
            ) as response:
                await _raise_for_problem(response)
                async for line in response.content:
                    yield await read_frame(line)
        except LineTooLong as error:
            raise PositionGone("a frame is too large to be read; a snapshot tells it as well") from error
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise _unreachable(error) from error

    async def _get(self, path: str, query: Mapping[str, str], seconds: float) -> bytearray:
        timeout = aiohttp.ClientTimeout(total=seconds, sock_connect=_CONNECT_SECONDS)
        try:
            async with self._session.get(
                f"{self._root}/{path}", params=query, timeout=timeout, headers=self._headers
            ) as response:
                await _raise_for_problem(response)
                return await _gathered(response)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise _unreachable(error) from error

    async def _ask(self, operation: str, question: wire.Request, answer: type[AnswerT]) -> AnswerT:
        """What changes nothing is asked again after whatever failure."""
        return await self._call(operation, question, answer, self._budgets.question, _FAILED)

    async def _repeat(self, operation: str, change: wire.Request, answer: type[AnswerT]) -> AnswerT:
        """A change that made twice is made once."""
        return await self._call(operation, change, answer, self._budgets.change, _FAILED)

    async def _change(self, operation: str, change: wire.Request, answer: type[AnswerT]) -> AnswerT:
        """A change that is asked for again only if it never left here."""
        return await self._call(operation, change, answer, self._budgets.change, _NOT_SENT)

    async def _call(
        self,
        operation: str,
        request: wire.Request,
        answer: type[AnswerT],
        seconds: float,
        again: tuple[type[Exception], ...],
    ) -> AnswerT:
        """One operation within its time, tried once more after the failures `again`."""
        body = request.model_dump_json(exclude_none=True).encode()
        try:
            async with asyncio.timeout(seconds):
                try:
                    content, decision = await self._post(operation, body)
                except again:
                    content, decision = await self._post(operation, body)
                told = answer.model_validate_json(content)
                return told.by(decision) if isinstance(told, wire.Changed) else told
        except (aiohttp.ClientError, TimeoutError, OSError, ValidationError) as error:
            raise _unreachable(error) from error

    async def _post(self, operation: str, body: bytes) -> tuple[bytes, UUID | None]:
        headers = {"Content-Type": "application/json", **self._headers}
        async with self._session.post(f"{self._root}/{operation}", data=body, headers=headers) as response:
            return await _body(response), _decision(response.headers.get(DECISION_ID))


async def _body(response: aiohttp.ClientResponse) -> bytes:
    await _raise_for_problem(response)
    return await response.read()


async def _gathered(response: aiohttp.ClientResponse) -> bytearray:
    """The whole body, put together as it comes: to join many megabytes at once would stall whoever is served."""
    body = bytearray()
    async for piece in response.content.iter_any():
        body += piece
    return body


async def _raise_for_problem(response: aiohttp.ClientResponse) -> None:
    if response.status < 400:
        return
    document = _document(await response.read())
    problem = problems.parse({"status": response.status, **document})
    problem.decision = _decision(response.headers.get(DECISION_ID))
    if response.status >= 500 or type(problem) is Problem:
        raise ServiceUnavailable(f"permissions answered {response.status}", **problem.members)
    raise problem


def _decision(text: str | None) -> UUID | None:
    try:
        return UUID(text) if text else None
    except ValueError:
        return None


def _document(body: bytes) -> Mapping[str, object]:
    try:
        document = json.loads(body)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


def _unreachable(error: Exception) -> ServiceUnavailable:
    return ServiceUnavailable(f"permissions can't be reached: {type(error).__name__}")
