"""Manifests that nothing names go together with what lives and dies with them, where the policy says so."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Final
from uuid import UUID

from moorage.oci.digest import Digest
from moorage.runtime.statement import Connection, Statement, execute, fetch_all
from moorage.storage import fallback_tag
from moorage.storage.collection import (
    MOST_KIN,
    Cutoff,
    Kind,
    ManifestState,
    Policy,
    Reviewable,
    Verdict,
    Wait,
)
from moorage.storage.kinship import Family, Kinship, Near


@dataclass(frozen=True, slots=True)
class StateRow:
    """See ManifestState."""

    digest: str
    is_there: bool
    is_held: bool
    told_at: datetime | None
    latest: datetime | None


@dataclass(frozen=True, slots=True)
class NearRow:
    """A manifest, and one that could keep it."""

    digest: str
    near: str


# A deletion that can still be undone ($3) holds what it would bring back, and what that names or refers to.
STATES: Final = Statement(
    StateRow,
    """
    SELECT digest, EXISTS (SELECT FROM manifest WHERE image = $1 AND manifest.digest = looked.digest) AS is_there,
        EXISTS (SELECT FROM tag WHERE image = $1 AND tag.digest = looked.digest)
        OR EXISTS (
            SELECT FROM deleted_tag WHERE image = $1 AND deleted_tag.digest = looked.digest AND deleted_at > $3
        ) OR EXISTS (
            SELECT FROM deleted_manifest
            WHERE image = $1 AND deleted_manifest.digest = looked.digest AND deleted_at > $3
        ) OR EXISTS (
            SELECT FROM deleted_manifest WHERE image = $1 AND subject = looked.digest AND deleted_at > $3
        ) OR EXISTS (
            SELECT FROM deleted_reference AS named
            WHERE image = $1 AND named.digest = looked.digest AND deleted_at > $3
        ) AS is_held,
        (SELECT told_at FROM manifest WHERE image = $1 AND manifest.digest = looked.digest) AS told_at,
        (
            SELECT max(since) FROM review
            WHERE review.digest = looked.digest AND review.image = $1 AND kind = 'manifest'
        ) AS latest
    FROM unnest($2::text[]) AS looked (digest)
    """,
)
NEARS: Final = Statement(
    NearRow,
    """
    SELECT digest, manifest AS near FROM manifest_reference
    WHERE image = $1 AND digest = ANY($2) AND is_manifest
    UNION
    SELECT digest, subject FROM manifest WHERE image = $1 AND digest = ANY($2) AND subject IS NOT NULL
    UNION
    SELECT subject, digest FROM manifest WHERE image = $1 AND subject = ANY($2)
    LIMIT $3
    """,
)
LOCK: Final = Statement(str, "SELECT digest FROM manifest WHERE image = $1 AND digest = ANY($2) FOR UPDATE SKIP LOCKED")
DELETE: Final = Statement(type(None), "DELETE FROM manifest WHERE image = $1 AND digest = ANY($2)")
CHILDREN: Final = Statement(
    str,
    "SELECT DISTINCT digest FROM manifest_reference WHERE image = $1 AND manifest = ANY($2) AND is_manifest",
)
# A child whose own review is due needs no new grace because of what this transaction has deleted: whether the review
# of the child or of what named it comes first must make no difference (R100).
NO_NEW_GRACE: Final = Statement(
    type(None),
    """
    DELETE FROM review AS new USING review AS due
    WHERE new.digest = ANY($2) AND new.image = $1 AND new.kind = 'manifest' AND new.since = now()
        AND due.digest = new.digest AND due.image = $1 AND due.kind = 'manifest' AND due.since <= $3
    """,
)
# Whoever holds one of the tags is about to push it anew or to delete it: either settles what becomes of it.
UNTAG: Final = Statement(
    type(None),
    """
    WITH free AS (
        SELECT name FROM tag WHERE image = $1 AND name = ANY($2) FOR UPDATE SKIP LOCKED
    ), gone AS (
        DELETE FROM tag USING free WHERE tag.image = $1 AND tag.name = free.name RETURNING tag.name, tag.digest
    )
    INSERT INTO tag_history (image, name, before, after, principal)
    SELECT $1, name, digest, NULL, 'collection' FROM gone
    """,
)


async def take(
    c: Connection, objects: Sequence[Reviewable], cutoff: Cutoff
) -> tuple[dict[Reviewable, Verdict | Wait], dict[Reviewable, int]]:
    """Deletes what may go; the verdicts, and what went, which may be more than was asked about."""
    walks, judged, gone = _walks(c, cutoff), dict[Reviewable, Verdict | Wait](), dict[Reviewable, int]()
    for of in objects:
        if of in gone:
            continue
        family = await walks.family(of.image, of.digest)
        if family.verdict is Verdict.COLLECT:
            family = await _locked(c, of, family, cutoff)
        judged[of] = family.verdict
        gone.update(await _delete(c, of.image, family, cutoff))
    return judged, gone


async def see(c: Connection, objects: Sequence[Reviewable], cutoff: Cutoff) -> dict[Reviewable, int]:
    """What would go."""
    walks, gone = _walks(c, cutoff), dict[Reviewable, int]()
    for of in objects:
        if of not in gone:
            gone.update(_members(of.image, await walks.family(of.image, of.digest)))
    return gone


async def end_companions(c: Connection, subjects: Iterable[tuple[UUID, Digest]], policy: Policy) -> None:
    """Ends the tags by which clients attach things to these, which are gone for good, if the policy wants it (R156)."""
    if policy.with_subject:
        for image, subject in subjects:
            await execute(c, UNTAG, image, [tag.text for tag in fallback_tag.companions(subject)])


async def _locked(c: Connection, of: Reviewable, family: Family, cutoff: Cutoff) -> Family:
    """The family as it is under its locks: nobody can give any of it a name now."""
    locked = await fetch_all(c, LOCK, of.image, [str(member) for member in family.members])
    if len(locked) < len(family.members):
        return Family(cutoff.later(Kind.MANIFEST), frozenset())
    again = await _walks(c, cutoff).family(of.image, of.digest)
    if again.verdict is Verdict.COLLECT and again.members != family.members:
        return Family(cutoff.later(Kind.MANIFEST), frozenset())
    return again


async def _delete(c: Connection, image: UUID, family: Family, cutoff: Cutoff) -> dict[Reviewable, int]:
    members = _members(image, family)
    if members:
        digests = [str(each.digest) for each in members]
        children = await fetch_all(c, CHILDREN, image, digests)
        await execute(c, DELETE, image, digests)
        if children:
            await execute(c, NO_NEW_GRACE, image, children, cutoff.due(Kind.MANIFEST))
        await end_companions(c, [(each.image, each.digest) for each in members], cutoff.policy)
    return members


def _members(image: UUID, family: Family) -> dict[Reviewable, int]:
    return {Reviewable(Kind.MANIFEST, image, digest): 0 for digest in family.members}


def _walks(c: Connection, cutoff: Cutoff) -> Kinship:
    return Kinship(partial(_states, c, cutoff), partial(_nears, c), cutoff)


async def _states(c: Connection, cutoff: Cutoff, image: UUID, digests: Sequence[Digest]) -> list[ManifestState]:
    rows = await fetch_all(c, STATES, image, [str(digest) for digest in digests], cutoff.undo)
    return [ManifestState(Digest.parse(r.digest), r.is_there, r.is_held, r.told_at, r.latest) for r in rows]


async def _nears(c: Connection, image: UUID, digests: Sequence[Digest]) -> list[Near]:
    rows = await fetch_all(c, NEARS, image, [str(digest) for digest in digests], MOST_KIN + 1)
    return [(Digest.parse(row.digest), Digest.parse(row.near)) for row in rows]
