"""What becomes of an image when its repository changes: each row of authorization.md §1.9, through the wire.

Tokens and upload sessions are from before the change. What needs a month to pass: contracts.authority_lifecycle.
"""

from typing import Final
from uuid import uuid4

from hostile.attacker import digest
from journeys.life import (
    ADMIN,
    NUMBERS,
    OUTSIDER,
    OWNER,
    READER,
    WORKSPACE,
    WRITER,
    Life,
    refusal,
    tell,
    user_id,
    workspace_is,
)

GONE: Final = (404, "NAME_UNKNOWN", "no_read")


async def test_a_renamed_repository_changes_nothing(life: Life) -> None:
    """The image keeps its name, readers read, writers write, an open session goes on."""
    session = await life.begins_upload(WRITER)
    await life.be("active", slug=f"{life.slug}-renamed")
    assert await life.pulls(READER) == 200
    assert (await life.goes_on(WRITER, session)).status == 202
    assert (await life.pushes(WRITER)).status == 201
    assert await life.pulls(OUTSIDER) == 404


async def test_a_moved_repository_follows_its_new_project(life: Life) -> None:
    """Who had a role by the old project has none, nor a session; who has one by the new project has it, in one step."""
    new = uuid4()
    await life.grant(WRITER, "none")
    await life.grant(WRITER, "write", node="project", on=life.project)
    session = await life.begins_upload(WRITER)
    await life.be_project(new)
    await life.grant(READER, "none")
    await life.grant(READER, "read", node="project", on=life.project)
    await life.grant(OUTSIDER, "write", node="project", on=new)
    assert (await life.pulls(READER), await life.pulls(OUTSIDER)) == (200, 404)
    life.project = new
    await life.be("active")
    assert (await life.pulls(READER), await life.pulls(OUTSIDER)) == (404, 200)
    assert (await life.pushes(OUTSIDER)).status == 201
    assert (await life.goes_on(WRITER, session)).status in (403, 404)


async def test_an_archived_repository_is_read_only(life: Life) -> None:
    """An open session ends with the reason; unarchived, it goes on."""
    session = await life.begins_upload(WRITER)
    await life.be("archived")
    assert await life.pulls(READER) == 200
    assert refusal(await life.goes_on(WRITER, session)) == (403, "DENIED", "repository_archived")
    assert refusal(await life.pushes(ADMIN)) == (403, "DENIED", "repository_archived")
    await life.be("active")
    assert (await life.goes_on(WRITER, session)).status == 202


async def test_a_deleted_repository_detaches_its_images(life: Life) -> None:
    """Readers pull for the grace time, nobody pushes, an owner links the image to another repository."""
    id, session = await life.attacker.image_id(ADMIN, life.image), await life.begins_upload(WRITER)
    await life.be("deleted")
    assert (await life.pulls(READER), await life.pulls(OUTSIDER)) == (200, 404)
    assert refusal(await life.goes_on(WRITER, session)) == (403, "DENIED", "detached")
    assert refusal(await life.pushes(ADMIN)) == (403, "DENIED", "detached")
    assert (
        await life.manage(ADMIN, "PUT", f"/api/v1/images/{id}/visibility", {"visibility": "workspace"})
    ).status == 403
    linked = await life.manage(OWNER, "PUT", f"/api/v1/images/{id}/repository", {"repository": "hello"})
    assert linked.status == 200, linked.body
    assert linked.json["state"] == "active"


async def test_the_grace_time_is_for_those_who_are_still_in(life: Life) -> None:
    """Who loses the role, or is deactivated, is out although the image is in its grace time."""
    await life.be("deleted")
    assert (await life.pulls(READER), await life.pulls(WRITER)) == (200, 200)
    await life.grant(READER, "none")
    assert await life.pulls(READER) == 404
    subject = f"us:{user_id(WRITER)}"
    user = {"id": str(user_id(WRITER)), "account": WRITER}
    life.seen = await tell(life.attacker, "identity.user.set", subject, **user, active=False)
    assert await life.pulls(WRITER) == 401
    await tell(life.attacker, "identity.user.set", subject, **user, active=True)


async def test_an_undeleted_repository_has_its_images_back(life: Life) -> None:
    """As before: also an open session goes on."""
    session = await life.begins_upload(WRITER)
    await life.be("deleted")
    await life.be("active")
    assert await life.pulls(READER) == 200
    assert (await life.goes_on(WRITER, session)).status == 202


async def test_a_transferred_repository_leaves_its_images_behind(life: Life) -> None:
    """Detached; back again, they stay detached until an owner links them, which ends the sessions of before."""
    id, session = await life.attacker.image_id(ADMIN, life.image), await life.begins_upload(WRITER)
    await life.be("transferred", to_workspace=str(uuid4()))
    assert (await life.pulls(READER), await life.pulls(OUTSIDER)) == (200, 404)
    assert refusal(await life.pushes(WRITER)) == (403, "DENIED", "detached")
    assert refusal(await life.goes_on(WRITER, session)) == (403, "DENIED", "detached")
    await life.be("active")
    assert refusal(await life.pushes(WRITER)) == (403, "DENIED", "detached")
    assert refusal(await life.goes_on(WRITER, session)) == (403, "DENIED", "detached")
    linked = await life.manage(OWNER, "PUT", f"/api/v1/images/{id}/repository", {"repository": str(life.id)})
    assert linked.status == 200, linked.body
    assert (await life.pushes(WRITER)).status == 201
    ended = await life.goes_on(WRITER, session)
    assert (ended.status, ended.json["errors"][0]["code"]) == (400, "BLOB_UPLOAD_INVALID")


async def test_a_relinked_image_has_the_rights_of_its_new_repository_only(life: Life) -> None:
    """In one step: sessions of the old link end, visibility is inherited again."""
    other = Life(life.attacker, f"life{next(NUMBERS)}", project=life.project)
    await other.be("active")
    await other.grant(ADMIN, "admin")
    await other.grant(OUTSIDER, "write")
    id = await life.attacker.image_id(ADMIN, life.image)
    await life.manage(ADMIN, "PUT", f"/api/v1/images/{id}/visibility", {"visibility": "workspace"})
    session = await life.begins_upload(ADMIN)
    linked = await life.manage(ADMIN, "PUT", f"/api/v1/images/{id}/repository", {"repository": other.slug})
    assert (linked.status, linked.json["visibility"]) == (200, "inherit")
    assert (await life.pulls(READER), await life.pulls(WRITER), await life.pulls(OUTSIDER)) == (404, 404, 200)
    ended = await life.goes_on(ADMIN, session)
    assert (ended.status, ended.json["errors"][0]["code"]) == (400, "BLOB_UPLOAD_INVALID")


async def test_a_deleted_image_frees_its_name_and_leaves_nothing_to_the_next_one(life: Life) -> None:
    """Sessions and digests of the old image are unknown in the new one; old tokens meet the new one's rights (E6)."""
    id, session = await life.attacker.image_id(ADMIN, life.image), await life.begins_upload(ADMIN)
    old = digest((await life.pull(READER)).body)
    deleted = await life.manage(ADMIN, "DELETE", f"/api/v1/images/{id}")
    assert deleted.status in (200, 202, 204), deleted.body
    assert await life.pulls(READER) == 404
    made = await life.manage(ADMIN, "POST", "/api/v1/images", {"name": life.image, "repository": "hello"})
    assert made.status == 201, made.body
    again = await life.goes_on(ADMIN, session)
    assert (again.status, again.json["errors"][0]["code"]) == (404, "BLOB_UPLOAD_UNKNOWN")
    assert (await life.pull(ADMIN, old)).json["errors"][0]["code"] == "MANIFEST_UNKNOWN"
    blob = f"/v2/{life.image}/blobs/{digest(life.layer)}"
    assert (await life.attacker.ask("GET", blob, auth=life.bearer[ADMIN])).status == 404
    await life.grant(OUTSIDER, "admin")
    assert refusal(await life.pull(OUTSIDER)) == GONE


async def test_a_restored_image_has_what_it_held(life: Life) -> None:
    """By tag and digest, for whoever has rights now; an upload that was open at its deletion begins anew."""
    id, session = await life.attacker.image_id(ADMIN, life.image), await life.begins_upload(WRITER)
    held = digest((await life.pull(READER)).body)
    assert (await life.manage(ADMIN, "DELETE", f"/api/v1/images/{id}")).status == 200
    assert (await life.pulls(READER), await life.pulls(ADMIN)) == (404, 404)
    assert refusal(await life.goes_on(WRITER, session))[0] in (403, 404)
    await life.grant(READER, "none")
    await life.grant(OUTSIDER, "read")
    for user, status in ((WRITER, 403), (OUTSIDER, 403), (READER, 404)):
        assert (await life.manage(user, "POST", f"/api/v1/images/{id}/restore")).status == status
    back = await life.manage(ADMIN, "POST", f"/api/v1/images/{id}/restore?wait=all")
    assert (back.status, back.json["id"], back.json["state"]) == (200, id, "active")
    assert (await life.pulls(READER), await life.pulls(OUTSIDER), await life.pulls(ADMIN)) == (404, 200, 200)
    assert (await life.pull(WRITER, held)).status == 200
    blob = f"/v2/{life.image}/blobs/{digest(life.layer)}"
    assert (await life.attacker.ask("GET", blob, auth=life.bearer[WRITER])).body == life.layer
    ended = await life.goes_on(WRITER, session)
    assert (ended.status, ended.json["errors"][0]["code"]) == (400, "BLOB_UPLOAD_INVALID")
    assert (await life.pushes(WRITER)).status == 201


async def test_a_name_that_is_taken_is_not_given_back(life: Life) -> None:
    """409 until the newer image is gone; each of the two has its own content."""
    id = await life.attacker.image_id(ADMIN, life.image)
    held = digest((await life.pull(READER)).body)
    await life.manage(ADMIN, "DELETE", f"/api/v1/images/{id}")
    await life.attacker.push(ADMIN, life.image, b"the newer one")
    newer = await life.attacker.image_id(ADMIN, life.image)
    taken = await life.manage(ADMIN, "POST", f"/api/v1/images/{id}/restore")
    assert (taken.status, taken.json["type"].rpartition("/")[2]) == (409, "already-exists")
    assert (await life.pull(READER, held)).status == 404
    await life.manage(ADMIN, "DELETE", f"/api/v1/images/{newer}")
    assert (await life.manage(ADMIN, "POST", f"/api/v1/images/{id}/restore")).status == 200
    assert digest((await life.pull(READER)).body) == held


async def test_an_image_comes_back_to_a_repository_that_is_gone(life: Life) -> None:
    """Detached, by an owner only; as for any detached image, its readers pull for the grace time."""
    id = await life.attacker.image_id(ADMIN, life.image)
    await life.manage(ADMIN, "DELETE", f"/api/v1/images/{id}")
    await life.be("deleted")
    assert (await life.manage(ADMIN, "POST", f"/api/v1/images/{id}/restore")).status == 403
    back = await life.manage(OWNER, "POST", f"/api/v1/images/{id}/restore")
    assert (back.status, back.json["state"]) == (200, "detached")
    assert (await life.pulls(READER), await life.pulls(OUTSIDER)) == (200, 404)
    assert refusal(await life.pushes(ADMIN)) == (403, "DENIED", "detached")


async def test_a_deleted_group_takes_its_rights_along(life: Life) -> None:
    """A group ends with one fact; one of the same name is another group (E2, E3)."""
    group, again = uuid4(), uuid4()
    await _group(life, group, "active")
    await _group_member(life, group, OUTSIDER)
    await _group_grant(life, group, "read")
    assert await life.pulls(OUTSIDER) == 200
    await _group(life, group, "deleted")
    assert await life.pulls(OUTSIDER) == 404
    await _group(life, again, "active")
    assert await life.pulls(OUTSIDER) == 404


async def _group(life: Life, id: object, state: str) -> None:
    ws = str(WORKSPACE)
    life.seen = await tell(
        life.attacker,
        "scm.group.set",
        f"gp:{id}",
        workspace=ws,
        id=str(id),
        slug=f"{life.slug}-readers",
        incarnation=1,
        state=state,
    )


async def _group_member(life: Life, group: object, user: str) -> None:
    ws, member = str(WORKSPACE), str(user_id(user))
    life.seen = await tell(
        life.attacker,
        "scm.group_member.set",
        f"gm:{group}:{member}",
        workspace=ws,
        group=str(group),
        user=member,
        present=True,
    )


async def _group_grant(life: Life, group: object, role: str) -> None:
    life.seen = await tell(
        life.attacker,
        "scm.grant.set",
        f"gr:repository:{life.id}:group:{group}",
        workspace=str(WORKSPACE),
        node={"kind": "repository", "id": str(life.id)},
        grantee={"kind": "group", "id": str(group)},
        role=role,
    )


async def test_a_suspended_workspace_says_so_to_readers_only(life: Life) -> None:
    """403 to who had pull, as absent to others; nothing of it remains afterwards."""
    session = await life.begins_upload(WRITER)
    await workspace_is(life, "suspended")
    assert refusal(await life.pull(READER)) == (403, "DENIED", "suspended")
    assert refusal(await life.goes_on(WRITER, session)) == (403, "DENIED", "suspended")
    assert refusal(await life.pull(OUTSIDER)) == GONE
    await workspace_is(life, "active")
    assert await life.pulls(READER) == 200
    assert (await life.goes_on(WRITER, session)).status == 202
