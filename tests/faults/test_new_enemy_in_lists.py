"""Names are content too: what was tagged after Bob was removed is in no list that Bob gets (R73, §3.5)."""

import json
from pathlib import Path
from typing import Final

import pytest

from faults.fleet import Door, rounds
from faults.new_enemy import IMAGE, MANIFEST_TYPE, STAGE, WORKSPACE, Scene, scene
from faults.permissions_process import PermissionsProcess
from moorage.oci.digest import Digest
from permissions.sample_facts import grant

pytestmark = pytest.mark.timeout(600)

ROUNDS: Final = 20
MOST: Final = 200
FEW: Final = 3
CONFIG: Final = b"{}"
SUBJECT: Final = Digest.of(b"a subject that nobody has pushed")
DENIED, UNKNOWN = {404}, {503}
"""What the authority said, and what is said where it did not answer in time."""


async def test_a_tag_pushed_after_a_removal_is_never_listed_to_who_was_removed(
    permissions: PermissionsProcess, tmp_path: Path
) -> None:
    """By the frozen gateway's own facts Bob may still list; who really may gets the list, with the new name in it."""
    times = min(rounds(ROUNDS), MOST)
    async with scene(permissions, tmp_path, times + 1) as enemy:
        for number in range(times):
            lists = await removed_then_listed(enemy, number)
            assert {status for status, _ in lists} <= DENIED | UNKNOWN
            assert not any(secret(number) in body for _, body in lists)
        allowed = await listed(enemy.frozen, enemy.bobs[times])
    assert [status for status, _ in allowed] == [200, 200]
    assert all(secret(times - 1) in body for _, body in allowed)


async def test_without_the_authority_no_list_is_given(permissions: PermissionsProcess, tmp_path: Path) -> None:
    """503, to whoever asks: neither an allow nor a denial."""
    async with scene(permissions, tmp_path, FEW + 1, cut_off=True) as enemy:
        for number in range(FEW):
            assert {status for status, _ in await removed_then_listed(enemy, number)} == UNKNOWN
        assert {status for status, _ in await listed(enemy.frozen, enemy.bobs[FEW])} == UNKNOWN


async def test_without_positions_in_lists_the_name_would_be_told(
    permissions: PermissionsProcess, tmp_path: Path
) -> None:
    """The same scene with content that carries no positions leaks every time: the tests above can fail."""
    async with scene(permissions, tmp_path, FEW, protected=False) as enemy:
        for number in range(FEW):
            lists = await removed_then_listed(enemy, number)
            assert all(status == 200 and secret(number) in body for status, body in lists)


async def removed_then_listed(enemy: Scene, number: int) -> list[tuple[int, str]]:
    """One round: Bob is removed, Carol pushes a name and an annotation, and Bob lists both at the frozen gateway."""
    bob = f"user:bob-{number}"
    await enemy.fleet.tell([grant(f"repository:{STAGE.repository}", bob, "none", of=WORKSPACE)])
    path, headers = f"/v2/{IMAGE}/manifests/{secret(number)}", {"Content-Type": MANIFEST_TYPE}
    answer = await enemy.here.ask("PUT", path, enemy.carol, data=referrer(number), headers=headers)
    assert answer.status == 201, answer
    return await listed(enemy.frozen, enemy.bobs[number])


async def listed(there: Door, auth: str) -> list[tuple[int, str]]:
    """Status and text of the answers: the tags, and what refers to the subject."""
    answers = [await there.ask("GET", f"/v2/{IMAGE}/{path}", auth) for path in ("tags/list", f"referrers/{SUBJECT}")]
    return [(answer.status, answer.body.decode()) for answer in answers]


def secret(number: int) -> str:
    """A name that tells something."""
    return f"secret-name-{number}"


def referrer(number: int) -> bytes:
    """A manifest that points at the subject and says the name as well."""
    empty = {"mediaType": "application/vnd.oci.empty.v1+json", "digest": str(Digest.of(CONFIG)), "size": len(CONFIG)}
    document = {
        "schemaVersion": 2,
        "mediaType": MANIFEST_TYPE,
        "config": empty,
        "layers": [],
        "subject": {"mediaType": MANIFEST_TYPE, "digest": str(SUBJECT), "size": 1},
        "annotations": {"name": secret(number)},
    }
    return json.dumps(document).encode()
