"""`/api/v1/images/{id}/tags` and `…/manifests`: what was deleted comes back, for whoever may delete and push.

The same whether storage is in the gateway's process or apart from it.
"""

from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import quote

import pytest

from gateway.site import Answer, Site, open_site
from gateway.test_audit_at_the_gate import records
from gateway.village_order import identifier
from moorage.access.action import Action
from moorage.access.audit import Deed
from moorage.access.image import PushPolicy
from moorage.distribution.headers import DECISION_ID

NAME = "acme/ledger/api"
TAGS = f"/api/v1/images/{identifier('im:ledger/api')}/tags"
MANIFESTS = TAGS.removesuffix("tags") + "manifests"
HIDDEN = f"/api/v1/images/{identifier('im:vault/secret')}/tags"
ABSENT = f"/api/v1/images/{identifier('im:absent')}/tags"


@pytest.fixture(params=["in-one-process", "apart"])
async def site(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Site]:
    """In either shape."""
    async with open_site(tmp_path, apart=request.param == "apart") as site:
        yield site


async def removed(site: Site, tag: str = "1", who: str = "bob") -> Answer:
    """A tag that bob has pushed and somebody deleted."""
    await site.push("bob", NAME, tag)
    path = f"/v2/{NAME}/manifests/{tag}"
    digest = (await site.ask("GET", path, auth=site.basic(who))).headers["Docker-Content-Digest"]
    assert (await site.ask("DELETE", path, auth=site.basic(who))).status == 202
    return await site.ask("GET", f"/v2/{NAME}/manifests/{digest}", auth=site.basic(who))


async def test_a_deleted_tag_is_listed_and_restored(site: Site) -> None:
    """By who may delete it; the answer names the decision, and the tag is there at once."""
    manifest = await removed(site)
    digest = manifest.headers["Docker-Content-Digest"]
    listed = await site.ask("GET", f"{TAGS}?deleted=true", auth=site.basic("bob"))
    [tag] = listed.json["tags"]
    assert (listed.status, tag["name"], tag["digest"]) == (200, "1", digest)
    assert tag["deleted_by"].startswith("user:")
    assert tag["deleted_at"] < tag["restorable_until"]
    back = await site.ask("POST", f"{TAGS}/1/restore", auth=site.basic("bob"))
    assert (back.status, back.json) == (200, {"image": NAME, "digest": digest, "tag": "1"})
    assert DECISION_ID in back.headers
    assert (await site.ask("GET", f"/v2/{NAME}/manifests/1", auth=site.basic("carol"))).status == 200
    assert (await site.ask("GET", f"{TAGS}?deleted=true", auth=site.basic("bob"))).json["tags"] == []


async def test_a_deleted_manifest_is_restored_by_its_admins(site: Site) -> None:
    """As they deleted it; bob may restore the tag, and with it the manifest."""
    await site.push("bob", NAME)
    pull = f"/v2/{NAME}/manifests/1"
    digest = (await site.ask("GET", pull, auth=site.basic("alice"))).headers["Docker-Content-Digest"]
    by_digest = f"/v2/{NAME}/manifests/{digest}"
    assert (await site.ask("DELETE", by_digest, auth=site.basic("alice"))).status == 202
    assert (await site.ask("POST", f"{MANIFESTS}/{digest}/restore", auth=site.basic("bob"))).status == 403
    back = await site.ask("POST", f"{MANIFESTS}/{digest}/restore", auth=site.basic("alice"))
    assert (back.status, back.json) == (200, {"image": NAME, "digest": digest, "tag": None})
    assert (await site.ask("GET", by_digest, auth=site.basic("carol"))).status == 200
    assert (await site.ask("GET", pull, auth=site.basic("carol"))).status == 404
    assert (await site.ask("POST", f"{TAGS}/1/restore", auth=site.basic("bob"))).status == 200
    assert (await site.ask("GET", pull, auth=site.basic("carol"))).status == 200


async def test_who_may_not_delete_restores_nothing(site: Site) -> None:
    """A reader is told so, others learn nothing, nobody has to log in (V3)."""
    await removed(site)
    for method, path in (("GET", f"{TAGS}?deleted=true"), ("POST", f"{TAGS}/1/restore")):
        denied = await site.ask(method, path, auth=site.basic("carol"))
        assert (denied.status, denied.json["reason"]) == (403, "no_write")
        assert DECISION_ID in denied.headers
        assert (await site.ask(method, path)).status == 401
        hidden = await site.ask(method, path.replace(TAGS, HIDDEN), auth=site.basic("carol"))
        absent = await site.ask(
            method, path.replace(TAGS, f"/api/v1/images/{identifier('x')}/tags"), auth=site.basic("carol")
        )
        assert (hidden.status, hidden.json["detail"]) == (absent.status, absent.json["detail"])
        assert hidden.status == 404
    assert (await site.ask("GET", f"/v2/{NAME}/manifests/1", auth=site.basic("carol"))).status == 404


async def test_an_archived_repository_gets_nothing_back(site: Site) -> None:
    """To restore is to push (§1.5): who may delete there still sees what there is, and gets it once it is active."""
    await site.push("bob", NAME, "kept")
    manifest = await removed(site)
    digest = manifest.headers["Docker-Content-Digest"]
    by_digest = f"/v2/{NAME}/manifests/{digest}"
    assert (await site.ask("DELETE", by_digest, auth=site.basic("alice"))).status == 202
    site.village.repository("ledger", archived=True)
    await site.caught_up()
    listed = await site.ask("GET", f"{TAGS}?deleted=true", auth=site.basic("bob"))
    assert [tag["name"] for tag in listed.json["tags"]] == ["1", "kept"]
    for path in (f"{TAGS}/1/restore", f"{MANIFESTS}/{digest}/restore"):
        refused = await site.ask("POST", path, auth=site.basic("alice"))
        assert (refused.status, refused.json["reason"]) == (403, "repository_archived"), path
        assert DECISION_ID in refused.headers
    for gone in (by_digest, f"/v2/{NAME}/manifests/1"):
        assert (await site.ask("GET", gone, auth=site.basic("alice"))).status == 404
    site.village.repository("ledger")
    await site.caught_up()
    assert (await site.ask("POST", f"{TAGS}/1/restore", auth=site.basic("bob"))).status == 200
    assert (await site.ask("GET", by_digest, auth=site.basic("carol"))).status == 200


async def test_who_may_delete_and_not_push_restores_nothing(site: Site) -> None:
    """Where only pipelines push, an admin deletes a manifest, and that is all."""
    await site.push("bob", NAME)
    pull = f"/v2/{NAME}/manifests/1"
    digest = (await site.ask("GET", pull, auth=site.basic("alice"))).headers["Docker-Content-Digest"]
    by_digest = f"/v2/{NAME}/manifests/{digest}"
    site.village.image("ledger/api", "ledger", push_policy=PushPolicy.PIPELINES_ONLY)
    await site.caught_up()
    assert (await site.ask("DELETE", by_digest, auth=site.basic("alice"))).status == 202
    refused = await site.ask("POST", f"{MANIFESTS}/{digest}/restore", auth=site.basic("alice"))
    assert (refused.status, refused.json["reason"]) == (403, "pipelines_only")
    assert (await site.ask("GET", by_digest, auth=site.basic("alice"))).status == 404


async def test_what_is_in_the_way_is_said(site: Site) -> None:
    """Pushed again since, nothing to restore, malformed."""
    await removed(site)
    await site.push("bob", NAME)
    taken = await site.ask("POST", f"{TAGS}/1/restore", auth=site.basic("bob"))
    assert (taken.status, taken.json["type"].rpartition("/")[2]) == (409, "already-exists")
    assert "pushed again" in taken.json["detail"]
    for path, status in (
        (f"{TAGS}/never/restore", 404),
        (f"{TAGS}/-bad/restore", 422),
        (f"{MANIFESTS}/sha256:bad/restore", 422),
        (f"{MANIFESTS}/sha256:{'0' * 64}/restore", 404),
        ("/api/v1/images/nonsense/tags/1/restore", 404),
    ):
        assert (await site.ask("POST", path, auth=site.basic("alice"))).status == status, path
    for query in ("", "?deleted=false", "?deleted=true&limit=0", "?deleted=perhaps"):
        assert (await site.ask("GET", f"{TAGS}{query}", auth=site.basic("alice"))).status == 422, query


async def test_deleted_tags_come_in_pages(site: Site) -> None:
    """With a link to the next."""
    for tag in ("a", "b", "c"):
        await removed(site, tag)
    first = await site.ask("GET", f"{TAGS}?deleted=true&limit=2", auth=site.basic("bob"))
    assert ([tag["name"] for tag in first.json["tags"]], first.json["cursor"]) == (["a", "b"], "b")
    link = first.headers["Link"]
    second = await site.ask("GET", link[1:].partition(">")[0], auth=site.basic("bob"))
    assert [tag["name"] for tag in second.json["tags"]] == ["c"]
    assert "Link" not in second.headers


@pytest.mark.parametrize("cursor", ["", "-bad", "a/b", "a b", "ä", "a\0b", "\n", "a" * 129])
async def test_a_cursor_that_is_no_tag_is_refused(site: Site, cursor: str) -> None:
    """422 that names it, before storage is asked."""
    await removed(site)
    path = f"{TAGS}?deleted=true&cursor={quote(cursor)}"
    refused = await site.ask("GET", path, auth=site.basic("bob"))
    assert (refused.status, refused.json["errors"][0]["at"]) == (422, "cursor")
    twice = await site.ask("GET", f"{path}&cursor=a", auth=site.basic("bob"))
    assert (twice.status, twice.json["errors"][0]["at"]) == (422, "cursor")


@pytest.mark.parametrize(("cursor", "found"), [("0", ["1"]), ("1", []), ("z" * 128, []), ("0.never-there", ["1"])])
async def test_a_cursor_need_not_be_there(site: Site, cursor: str, found: list[str]) -> None:
    """What it named may have been restored since: the page is what comes behind it."""
    await removed(site)
    answer = await site.ask("GET", f"{TAGS}?deleted=true&cursor={cursor}", auth=site.basic("bob"))
    assert (answer.status, [tag["name"] for tag in answer.json["tags"]]) == (200, found)


async def test_what_is_restored_is_a_deed_of_its_own(site: Site) -> None:
    """One record of each, with what came back and the right that decided; neither a push nor a deletion."""
    await removed(site)
    digest = (await site.ask("GET", f"{TAGS}?deleted=true", auth=site.basic("bob"))).json["tags"][0]["digest"]
    before = {each.decision for each in await records(site)}
    restored = await site.ask("POST", f"{TAGS}/1/restore", auth=site.basic("bob"))
    denied = await site.ask("POST", f"{TAGS}/1/restore", auth=site.basic("carol"))
    await site.ask("POST", f"{MANIFESTS}/{digest}/restore", auth=site.basic("alice"))
    await site.ask("GET", f"{TAGS}?deleted=true", auth=site.basic("bob"))
    made = [each for each in await records(site) if each.decision not in before]
    assert [(each.deed, each.allow, each.change) for each in made] == [
        (Deed.RESTORE_TAG, True, {"tag": "1", "asked": "push"}),
        (Deed.RESTORE_TAG, False, {"tag": "1", "asked": "delete-tag"}),
        (Deed.RESTORE_MANIFEST, True, {"digest": digest, "asked": "push"}),
        (Deed.LIST_DELETED_TAGS, True, {"asked": "delete-tag"}),
    ]
    assert [each.action for each in made] == [Action.PUSH, Action.DELETE_TAG, Action.PUSH, Action.DELETE_TAG]
    assert [str(each.decision) for each in made[:2]] == [each.headers[DECISION_ID] for each in (restored, denied)]
