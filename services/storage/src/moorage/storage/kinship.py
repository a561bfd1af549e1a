"""Manifests that live and die together, found by walking from one to what could keep it (R95, R101).

What names a manifest, the subject it refers to and those that refer to it can keep it. A walk ends at the first one
that is kept, so that only what is collected is walked in full.
"""

from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from moorage.oci.digest import Digest
from moorage.storage.collection import MOST_KIN, Cutoff, Kind, ManifestState, Verdict, Wait, judge_manifest

Near = tuple[Digest, Digest]
"""A manifest, and one that could keep it."""
States = Callable[[UUID, Sequence[Digest]], Awaitable[list[ManifestState]]]
Nears = Callable[[UUID, Sequence[Digest]], Awaitable[list[Near]]]


@dataclass(frozen=True, slots=True)
class Family:
    """What was found on one walk, and what is to become of it."""

    verdict: Verdict | Wait
    members: frozenset[Digest]


@dataclass(slots=True)
class Kinship:
    """Walks over the manifests of images, as of one moment. What was found to be kept is not walked again."""

    states: States
    nears: Nears
    cutoff: Cutoff
    _kept: dict[tuple[UUID, Digest], Verdict | Wait] = field(default_factory=dict)

    async def family(self, image: UUID, digest: Digest) -> Family:
        """The verdict on the manifest and all that would go with it."""
        came_from: dict[Digest, Digest | None] = {digest: None}
        there, level = set[Digest](), [digest]
        while level:
            if len(came_from) > MOST_KIN:
                return Family(self.cutoff.later(Kind.MANIFEST), frozenset())
            kept = self._known(image, level)
            if kept is None:
                found = await self.states(image, level)
                there |= {each.digest for each in found if each.is_there}
                kept = self._first_kept(found)
            if kept is not None:
                return self._remember(image, _path(came_from, kept[0]), kept[1])
            nears = await self.nears(image, level)
            if len(nears) > MOST_KIN:  # there are more than were told of, and one of these may keep it
                return Family(self.cutoff.later(Kind.MANIFEST), frozenset())
            level = _next(came_from, nears)
        return Family(Verdict.COLLECT if there else Verdict.DROP, frozenset(there))

    def _known(self, image: UUID, level: Iterable[Digest]) -> tuple[Digest, Verdict | Wait] | None:
        return next(((each, self._kept[image, each]) for each in level if (image, each) in self._kept), None)

    def _first_kept(self, found: Sequence[ManifestState]) -> tuple[Digest, Verdict | Wait] | None:
        verdicts = ((each.digest, judge_manifest(each, self.cutoff)) for each in found)
        return next(((digest, verdict) for digest, verdict in verdicts if verdict is not Verdict.COLLECT), None)

    def _remember(self, image: UUID, path: Collection[Digest], verdict: Verdict | Wait) -> Family:
        self._kept.update({(image, each): verdict for each in path})
        return Family(verdict, frozenset())


def _path(came_from: dict[Digest, Digest | None], last: Digest) -> list[Digest]:
    path, step = list[Digest](), last
    while (before := came_from[step]) is not None:
        path.append(step)
        step = before
    return [*path, step]


def _next(came_from: dict[Digest, Digest | None], nears: Iterable[Near]) -> list[Digest]:
    level = []
    for digest, near in nears:
        if near not in came_from:
            came_from[near] = digest
            level.append(near)
    return level
