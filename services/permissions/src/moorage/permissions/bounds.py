"""Whether a credential's bound contains a repository, or an image linked to it (authorization.md §1.4)."""

from uuid import UUID

from moorage.access.principal import Bound
from moorage.permissions.records import Repository


def contains(bound: Bound | None, workspace: UUID, repository: Repository, image: UUID | None) -> bool:
    """Whether something with these ids lies inside; an unknown kind of bound contains nothing."""
    if bound is None:
        return True
    match bound.kind:
        case "workspace":
            return workspace in bound.ids
        case "project":
            return repository.project in bound.ids
        case "repository":
            return repository.id in bound.ids
        case "image" | "images":
            return image in bound.ids
        case _:
            return False
