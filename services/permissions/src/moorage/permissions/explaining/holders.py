"""Who can: everybody with a role on an image, robots among them (authorization.md §4)."""

from collections.abc import Sequence
from uuid import UUID

from moorage.access import explain_wire as wire
from moorage.access.image import ImageState, Visibility
from moorage.access.principal import Identity
from moorage.access.problems import InputInvalid, NotFound
from moorage.access.role import Role
from moorage.permissions.explaining.asking import NOTHING, gone, may_be_told, position
from moorage.permissions.explaining.cursors import Place, cursor_after
from moorage.permissions.explaining.robots import robot_body, robots_on
from moorage.permissions.explaining.why import path_body
from moorage.permissions.history import Holder, Looking
from moorage.permissions.lookups import PositionUnknown
from moorage.permissions.ports import Ledger
from moorage.permissions.records import Image, Path, Workspace


class WhoCan:
    """Lists the holders of roles."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    async def page(self, request: wire.WhoCanRequest) -> wire.WhoCanAnswer:
        """One page by id. Raises Forbidden, NotFound, PositionGone, InputInvalid."""
        place = Place.of(request.at, request.cursor)
        await permit(self._ledger, request.identity.value(), request.image)
        try:
            async with self._ledger.looking(place.at) as view:
                image, workspace = await image_in(view, request.image)
                return await _page(view, image, workspace, request, _user(place.after))
        except PositionUnknown as error:
            raise gone(error) from None


async def permit(ledger: Ledger, identity: Identity, id: UUID) -> None:
    """Whether who asks may be told who has roles on the image, at head. Raises Forbidden, NotFound."""
    async with ledger.looking(position(None)) as head:
        image, workspace = await image_in(head, id)
        await may_be_told(head, identity, workspace, image)


async def image_in(view: Looking, id: UUID) -> tuple[Image, Workspace]:
    """The image and its workspace at a position. Raises NotFound."""
    image = await view.images.by_id(id)
    workspace = await view.hierarchy.workspace_by_id(image.record.workspace) if image else None
    if image is None or workspace is None or image.record.state is ImageState.DELETED:
        raise NotFound(NOTHING)
    return image, workspace


def strongest(paths: Sequence[Path]) -> list[wire.RolePath]:
    """Those that give the role; weaker ones change nothing."""
    best = max((path.role for path in paths), default=Role.NONE)
    return [path_body(path) for path in paths if path.role is best]


async def _page(
    view: Looking, image: Image, workspace: Workspace, request: wire.WhoCanRequest, after: UUID | None
) -> wire.WhoCanAnswer:
    minimum, repository = Role[request.role.upper()], image.repository
    found = await view.holders.page(workspace.alias, repository.alias, minimum, after, request.limit + 1)
    robots = await robots_on(view, workspace, image, minimum, after, request.limit + 1)
    # One order for both, so that one cursor serves.
    ids = sorted([each.id for each in found] + [each.id for each in robots])
    last = ids[: request.limit][-1:]
    users = [each for each in found if each.id <= last[0]]
    paths = await view.holders.paths(workspace.alias, repository.alias, [each.alias for each in users])
    return wire.WhoCanAnswer(
        image=f"{workspace.slug}/{image.record.name}",
        repository=repository.slug or str(repository.id),
        repository_state=repository.state.value,
        beside=_beside(image, workspace) if minimum is Role.READ else [],
        holders=[_holder(each, paths.get(each.alias, ())) for each in users],
        robots=[robot_body(each, workspace, image) for each in robots if each.id <= last[0]],
        cursor=cursor_after(view, last[0]) if len(ids) > request.limit else None,
        token=str(view.token),
        as_of=view.moment,
    )


def _holder(holder: Holder, paths: Sequence[Path]) -> wire.Holder:
    return wire.Holder(
        user=holder.id,
        account=holder.account,
        active=holder.active,
        role=holder.role.word,
        paths=strongest(paths),
    )


def _beside(image: Image, workspace: Workspace) -> list[str]:
    """Who may pull without a role (§1.6)."""
    visibility, found = image.record.visibility, [f"pipelines of {image.repository.slug}"]
    if visibility is Visibility.PUBLIC and workspace.allow_public:
        return ["anybody"]
    if visibility is not Visibility.INHERIT:
        return [*found, f"every member of {workspace.slug} and every pipeline in it"]
    return [*found, *(f"pipelines of repository {each}" for each in sorted(image.record.consumer_repositories))]


def _user(after: str) -> UUID | None:
    try:
        return UUID(after) if after else None
    except ValueError:
        raise InputInvalid("this cursor was not given by an earlier page", errors=[]) from None
