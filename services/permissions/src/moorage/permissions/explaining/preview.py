"""What a change would do: it is made, compared with before, and undone (authorization.md §4)."""

import asyncio
import json
from collections.abc import Collection
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any, Final

from pydantic import ValidationError

from moorage.access import explain_wire as wire
from moorage.access.frames import Row, RowKind
from moorage.access.problems import Forbidden, InputInvalid, Problem, ServiceUnavailable
from moorage.access.reason import Reason
from moorage.access.wire import RelinkImageRequest, SetImageRequest
from moorage.permissions.apply import Apply
from moorage.permissions.batches import Record
from moorage.permissions.explaining.pictures import (
    Picture,
    Scope,
    administered,
    administers,
    images_in,
    people,
    picture,
)
from moorage.permissions.explaining.trial import TrialLedger
from moorage.permissions.history import Looking, Position
from moorage.permissions.images import Images, workspace_named
from moorage.permissions.ports import Ledger, Trial
from moorage.permissions.records import Source, SourceKind, Workspace
from moorage.permissions.refusals import missing
from moorage.runtime.clock import Clock

SECONDS: Final = 5.0


class Preview:
    """Tries changes."""

    def __init__(self, ledger: Ledger, clock: Clock) -> None:
        self._ledger = ledger
        self._clock = clock

    async def preview(self, request: wire.PreviewRequest) -> wire.PreviewAnswer:
        """Who would gain and lose what, on images that who asks administers.

        Raises Forbidden, NotFound, InputInvalid, ServiceUnavailable.
        """
        identity = request.identity.value()
        async with self._ledger.looking(Position()) as head:
            workspace = await workspace_named(head, request.workspace)
            may = await administers(head, identity, workspace)
        if not may:
            message = "only owners of the workspace and admins of a repository in it may try changes"
            raise Forbidden(message, reason=Reason.NOT_ADMIN.value)
        try:
            async with asyncio.timeout(SECONDS):
                return await self._try(request, workspace)
        except TimeoutError:
            raise ServiceUnavailable("this takes too long to be tried; try fewer changes at once") from None

    async def _try(self, request: wire.PreviewRequest, workspace: Workspace) -> wire.PreviewAnswer:
        """Both pictures are of one position: that at which the change is tried, whatever is changed meanwhile."""
        async with AsyncExitStack() as stack:
            async with self._ledger.trying() as trial:
                head = await stack.enter_async_context(trial.head())
                await self._make_all(trial, request, workspace)
                scope = await _with_former_homes(head, workspace, await _touched(trial, workspace))
                users = await people(head, head.holders, workspace, scope) | await people(
                    trial, trial.holders, workspace, scope
                )
                after = await picture(trial, workspace, scope, users, head.moment)
            before = await picture(head, workspace, scope, users, head.moment)
            shown = await administered(head, request.identity.value(), workspace, before.images)
            effects = [each for each in _effects(before, after) if each.image in shown]
            return wire.PreviewAnswer(token=str(head.token), effects=effects)

    async def _make_all(self, trial: Trial, request: wire.PreviewRequest, workspace: Workspace) -> None:
        source = next(each for each in await trial.sources.all() if each.id == workspace.source)
        for number, each in enumerate(request.changes, 1):
            try:
                await self._make(trial, request, each, workspace, source)
            except Problem as problem:
                problem.detail = f"change {number}: {problem.detail}"
                raise

    async def _make(
        self, trial: Trial, request: wire.PreviewRequest, each: wire.Try, workspace: Workspace, source: Source
    ) -> None:
        ledger = TrialLedger(trial).as_ledger()
        if each.fact is not None:
            by_hand = replace(source, spec=replace(source.spec, kind=SourceKind.MANUAL, event_source=None))
            body = json.dumps(_numbered(each.fact, trial)).encode()
            await Apply(ledger, self._clock).over_http(by_hand, [Record(1, body)])
            return
        image = await trial.images.named(workspace.alias, (each.image or "").removeprefix(f"{workspace.slug}/"))
        if image is None:
            raise missing(request.identity.value())
        who = {"identity": request.identity, "id": image.record.id}
        try:
            if each.repository is not None:
                await Images(ledger, self._clock).relink(RelinkImageRequest(repository=each.repository, **who))
            if each.set is not None:
                await Images(ledger, self._clock).set(SetImageRequest(**{**each.set, **who}))
        except ValidationError as error:
            raise InputInvalid(f"`set` is not valid: {error.errors()[0]['msg']}", errors=[]) from None


def _numbered(fact: dict[str, Any], trial: Trial) -> dict[str, Any]:
    """A fact is tried as the newest of its key, whatever version it brings."""
    data = fact.get("data")
    if isinstance(data, dict):
        fact = fact | {"data": {name: value for name, value in data.items() if name not in ("version", "snapshot")}}
    return {"specversion": "1.0", "id": "preview", "source": "/preview"} | fact


async def _touched(trial: Trial, workspace: Workspace) -> Scope:
    """Whom and which repositories the rows of the trial speak of; None is everybody, or every repository."""
    pairs: list[tuple[frozenset[int] | None, frozenset[int] | None]] = []
    for row in trial.told:
        pairs += await _of_row(trial, row, workspace)
    images = frozenset(row[2] for row in trial.told if row[0] == RowKind.IMAGE and row[1] == workspace.alias)
    return Scope(tuple(dict.fromkeys(pairs)), images)


async def _with_former_homes(head: Looking, workspace: Workspace, scope: Scope) -> Scope:
    """Who had a role where an image was linked before may lose it."""
    if not scope.images:
        return scope
    return scope.also({each.repository.alias for each in await images_in(head, workspace, Scope((), scope.images))})


async def _of_row(
    trial: Trial, row: Row, workspace: Workspace
) -> list[tuple[frozenset[int] | None, frozenset[int] | None]]:
    kind, ws, a, b = row[:4]
    if ws not in (0, workspace.alias):
        return []
    match kind:
        case RowKind.USER_GROUP | RowKind.PRINCIPAL | RowKind.USER_PROJECT:
            return [(frozenset({a}), None)]
        case RowKind.USER_REPOSITORY:
            return [(frozenset({a}), frozenset({b}))]
        case RowKind.GROUP_REPOSITORY:
            return [(frozenset(await trial.holders.members([a])), frozenset({b}))]
        case RowKind.GROUP_PROJECT:
            return [(frozenset(await trial.holders.members([a])), None)]
        case RowKind.WORKSPACE_ROLE:
            return [(frozenset(await trial.holders.members([a])) if b else frozenset({a}), None)]
        case RowKind.IMAGE:
            return [(None, frozenset({b}))]
        case RowKind.NODE | RowKind.WORKSPACE:
            return [(None, None)]
        case _:
            return []


def _effects(before: Picture, after: Picture) -> list[wire.Effect]:
    """Every cell of the two pictures that differs, by image and principal."""
    keys: Collection[tuple[str, str]] = before.cells.keys() | after.cells.keys()
    return [
        wire.Effect(
            image=image,
            principal=principal,
            before=list(before.cell(image, principal).actions),
            after=list(after.cell(image, principal).actions),
            role_before=before.cell(image, principal).role.word,
            role_after=after.cell(image, principal).role.word,
        )
        for image, principal in sorted(keys)
        if before.cell(image, principal) != after.cell(image, principal)
    ]
