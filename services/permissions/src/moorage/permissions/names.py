"""The ids behind names, for who writes facts by hand: facts speak of ids only, people of names."""

from typing import TypeVar
from uuid import UUID

from moorage.access import wire
from moorage.access.problems import InputInvalid, NotFound
from moorage.permissions.ports import Ledger, View
from moorage.permissions.records import Repository, User, Workspace

Known = TypeVar("Known", Workspace, Repository, User)


class NamesRequest(wire.Request):
    """Slugs and an account name, whichever are of interest; a repository's needs its workspace's."""

    workspace: str | None = None
    repository: str | None = None
    user: str | None = None


class NamesAnswer(wire.Answer):
    """The ids of what was asked for."""

    workspace: UUID | None = None
    repository: UUID | None = None
    user: UUID | None = None


class Names:
    """Looks names up."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    async def ids(self, request: NamesRequest) -> NamesAnswer:
        """What the names mean now. Raises NotFound, InputInvalid."""
        async with self._ledger.viewing() as view:
            workspace = await _workspace(view, request.workspace)
            repository = await _repository(view, workspace, request.repository)
            user = await _user(view, request.user)
        return NamesAnswer(
            workspace=workspace.id if workspace else None,
            repository=repository.id if repository else None,
            user=user.id if user else None,
        )


async def _workspace(view: View, slug: str | None) -> Workspace | None:
    return None if slug is None else _known(await view.hierarchy.workspace(slug), "workspace", slug)


async def _repository(view: View, workspace: Workspace | None, slug: str | None) -> Repository | None:
    if slug is None:
        return None
    if workspace is None:
        raise InputInvalid("a repository is known by its workspace: add workspace")
    return _known(await view.hierarchy.repository_by_slug(workspace.alias, slug), "repository", slug)


async def _user(view: View, account: str | None) -> User | None:
    return None if account is None else _known(await view.hierarchy.user_by_account(account), "user", account)


def _known(found: Known | None, what: str, name: str) -> Known:
    if found is None:
        raise NotFound(f"no fact has announced a {what} {name[:255]!r}, or more than one")
    return found
