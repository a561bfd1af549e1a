"""What has changed between two positions: who gained or lost which role, and by which changes (authorization.md §4)."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from moorage.access import explain_wire as wire
from moorage.access.problems import InputInvalid
from moorage.access.role import Role
from moorage.permissions.explaining.asking import gone, position
from moorage.permissions.explaining.holders import image_in, permit
from moorage.permissions.explaining.holdings import Sight, roles_on, sight_of
from moorage.permissions.explaining.words import change_body
from moorage.permissions.history import About, Looking, Shift
from moorage.permissions.lookups import PositionUnknown
from moorage.permissions.ports import Ledger
from moorage.permissions.records import Image, Workspace

_CHUNK: Final = 500
_REASONS: Final = 10


@dataclass(frozen=True, slots=True)
class Span:
    """Two views, the older first."""

    old: Looking
    new: Looking


class Differences:
    """Compares positions."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    async def of_image(self, request: wire.ImageDiffRequest) -> wire.DiffAnswer:
        """Whose role on the image differs, by user. Raises Forbidden, NotFound, PositionGone, InputInvalid."""
        await permit(self._ledger, request.identity.value(), request.image)
        async with self._span(request.since, request.until) as span:
            return await _of_image(span, request)

    async def of_user(self, request: wire.UserDiffRequest) -> wire.DiffAnswer:
        """On which images the user's role differs, by name. Raises NotFound, PositionGone, InputInvalid."""
        async with self._ledger.looking(position(None)) as head:
            sight = await sight_of(head, request.identity.value(), request.user, request.workspace)
            async with self._span(request.since, request.until) as span:
                return await _of_user(span, sight, request)

    @asynccontextmanager
    async def _span(self, since: str, until: str | None) -> AsyncIterator[Span]:
        try:
            async with (
                self._ledger.looking(position(since)) as old,
                self._ledger.looking(position(until)) as new,
            ):
                if new.token < old.token:
                    raise InputInvalid("`from` comes before `to`", errors=[])
                yield Span(old, new)
        except PositionUnknown as error:
            raise gone(error) from None


async def _of_image(span: Span, request: wire.ImageDiffRequest) -> wire.DiffAnswer:
    image, workspace = await image_in(span.new, request.image)
    former = await span.old.images.by_id(request.image)
    homes, after = (_home(former), span.old.token.seq, _home(image)), _user(request.cursor)
    found = await span.new.history.shifts(workspace.alias, *homes, after, request.limit + 1)
    shown = found[: request.limit]
    differing = [await _difference(span, workspace, image, former, each) for each in shown]
    return _answer(span, differing, str(shown[-1].id) if len(found) > len(shown) else None)


def _home(image: Image | None) -> int | None:
    """The repository whose roles count for the image."""
    return image.repository.alias if image is not None and image.repository.state.carries_roles else None


async def _difference(
    span: Span, workspace: Workspace, image: Image, former: Image | None, shift: Shift
) -> wire.Difference:
    homes = frozenset({image.repository.alias} | ({former.repository.alias} if former else set()))
    about = About(workspace.alias, image.alias, homes, shift.user)
    return wire.Difference(
        image=f"{workspace.slug}/{image.record.name}",
        principal=f"user:{shift.id} ({shift.account})",
        before=shift.before.word,
        after=shift.after.word,
        by=await _reasons(span, about),
    )


async def _reasons(span: Span, about: About) -> list[wire.ChangeBody]:
    return [change_body(each) for each in await span.new.history.changes(about, span.old.token.seq, _REASONS)]


async def _of_user(span: Span, sight: Sight, request: wire.UserDiffRequest) -> wire.DiffAnswer:
    olds, news = await _held(span.old, sight), await _held(span.new, sight)
    names = {id: image for id, (image, _) in (olds | news).items()}
    differing = [
        image
        for id, image in sorted(names.items(), key=lambda item: (item[1].record.name, item[0]))
        if _role(olds, id) is not _role(news, id) and image.record.name > (request.cursor or "")
    ]
    told = await sight.of(differing)
    shown = told[: request.limit]
    found, user = [], sight.user
    for image in shown:
        former = olds[image.record.id][0] if image.record.id in olds else None
        roles = _role(olds, image.record.id), _role(news, image.record.id)
        shift = Shift(user.alias, user.id, user.account, *roles)
        found.append(await _difference(span, sight.workspace, image, former, shift))
    return _answer(span, found, shown[-1].record.name if len(told) > len(shown) else None)


async def _held(view: Looking, sight: Sight) -> dict[UUID, tuple[Image, Role]]:
    """Every image of the workspace on which the user has a role."""
    found: dict[UUID, tuple[Image, Role]] = {}
    after, chunk = "", list[Image]()
    while not found or len(chunk) == _CHUNK:
        chunk = list(await view.images.page(sight.workspace.alias, after, _CHUNK))
        roles = await roles_on(view, sight.user, sight.workspace, chunk)
        found |= {
            each.record.id: (each, roles[each.repository.alias]) for each in chunk if each.repository.alias in roles
        }
        if len(chunk) < _CHUNK:
            break
        after = chunk[-1].record.name
    return found


def _role(held: dict[UUID, tuple[Image, Role]], id: UUID) -> Role:
    return held[id][1] if id in held else Role.NONE


def _user(cursor: str | None) -> UUID | None:
    try:
        return UUID(cursor) if cursor else None
    except ValueError:
        raise InputInvalid("this cursor was not given by an earlier page", errors=[]) from None


def _answer(span: Span, differences: list[wire.Difference], cursor: str | None) -> wire.DiffAnswer:
    return wire.DiffAnswer(since=str(span.old.token), token=str(span.new.token), differences=differences, cursor=cursor)
