"""Forbidden and non-existent are the same answer: status, headers, body, for every operation (V3, R66)."""

from datetime import timedelta
from uuid import UUID

import pytest
from multidict import CIMultiDict

from gateway.site import MANIFEST, MANIFEST_TYPE, Answer, Site
from moorage.oci.digest import Digest

HIDDEN, ABSENT = "acme/vault/secret", "acme/vault/absent"
DIGEST = Digest.of(b"content")
SESSION = UUID("6f1a3f43-5a2c-4f9b-8c1d-0d8f3a0c9f11")

OPERATIONS = {
    "GET manifest by tag": ("GET", "manifests/latest"),
    "HEAD manifest by tag": ("HEAD", "manifests/latest"),
    "GET manifest by digest": ("GET", f"manifests/{DIGEST}"),
    "GET blob": ("GET", f"blobs/{DIGEST}"),
    "HEAD blob": ("HEAD", f"blobs/{DIGEST}"),
    "GET tags": ("GET", "tags/list"),
    "GET referrers": ("GET", f"referrers/{DIGEST}"),
    "POST upload": ("POST", "blobs/uploads/"),
    "POST whole blob": ("POST", f"blobs/uploads/?digest={DIGEST}"),
    "POST mount": ("POST", f"blobs/uploads/?mount={DIGEST}&from=acme/ledger/api"),
    "GET upload": ("GET", f"blobs/uploads/{SESSION}"),
    "PATCH upload": ("PATCH", f"blobs/uploads/{SESSION}"),
    "PUT upload": ("PUT", f"blobs/uploads/{SESSION}?digest={DIGEST}"),
    "DELETE upload": ("DELETE", f"blobs/uploads/{SESSION}"),
    "PUT manifest": ("PUT", "manifests/latest"),
    "DELETE tag": ("DELETE", "manifests/latest"),
    "DELETE manifest": ("DELETE", f"manifests/{DIGEST}"),
    "DELETE blob": ("DELETE", f"blobs/{DIGEST}"),
}
_A_WHILE = timedelta(seconds=1000)
READS_AND_DELETES = {name for name in OPERATIONS if name.startswith(("GET", "HEAD", "DELETE")) and "upload" not in name}


async def ask(site: Site, auth: str | None, name: str, operation: str) -> Answer:
    """Asks, and takes out of the answer what names the image, the moment and the record of the decision."""
    method, path = OPERATIONS[operation]
    options = {"data": MANIFEST, "headers": {"Content-Type": MANIFEST_TYPE}} if operation == "PUT manifest" else {}
    answer = await site.ask(method, f"/v2/{name}/{path}", auth=auth, **options)
    headers = CIMultiDict((header, text.replace(name, "<name>")) for header, text in answer.headers.items())
    headers.popall("Date")
    decision = headers.popone("Moorage-Decision-Id")
    headers["Moorage-Decision-Id"] = "<decision>"
    body = answer.body.replace(name.encode(), b"<name>").replace(decision.encode(), b"<decision>")
    if "Content-Length" in headers:
        headers["Content-Length"] = str(len(body))
    return Answer(answer.status, headers, body)


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("who", ["nobody", "dave", "dave's token", "alice", "alice's token"])
async def test_hidden_and_absent_answer_alike(site: Site, who: str, operation: str) -> None:
    """Also when asked again, when the denial was confirmed at the authority just before."""
    auth: str | None = None
    if who.endswith("token"):
        scopes = (f"repository:{HIDDEN}:*", f"repository:{ABSENT}:*", "repository:acme/ledger/api:*")
        auth = await site.bearer(who.removesuffix("'s token"), *scopes)
    elif who != "nobody":
        auth = site.basic(who)
    first = await ask(site, auth, HIDDEN, operation), await ask(site, auth, ABSENT, operation)
    again = await ask(site, auth, HIDDEN, operation), await ask(site, auth, ABSENT, operation)
    assert first[0] == first[1] == again[0] == again[1]
    assert first[0].status == (401 if auth is None else 404 if operation in READS_AND_DELETES else 403)


@pytest.mark.parametrize("operation", OPERATIONS)
async def test_a_name_taken_unseen_is_told_to_nobody_but_its_admins(site: Site, operation: str) -> None:
    """An image of another repository under one's own slug: a push is refused without a hint."""
    site.village.image("ledger/taken", "vault")
    await site.caught_up()
    auth = site.basic("bob")
    taken = await ask(site, auth, "acme/ledger/taken", operation)
    free = await ask(site, auth, "acme/ledger/free", operation)
    assert taken == free


@pytest.mark.parametrize("operation", OPERATIONS)
async def test_the_same_when_only_the_authority_can_tell(site: Site, operation: str) -> None:
    """The replica is too old for everything: its questions are answered alike as well."""
    site.village.frozen = True
    site.clock.advance(_A_WHILE)
    auth = site.basic("dave")
    assert await ask(site, auth, HIDDEN, operation) == await ask(site, auth, ABSENT, operation)


@pytest.mark.parametrize("operation", OPERATIONS)
async def test_a_token_without_the_scope_is_told_so_for_any_name(site: Site, operation: str) -> None:
    """Decided on the text, before any look-up (V5): hidden, absent and readable alike."""
    auth = await site.bearer("alice", "repository:acme/other:pull")
    readable = "acme/ledger/api" if operation != "POST mount" else "acme/ledger/other"  # a mount names it as its source
    names = (HIDDEN, ABSENT, readable, "elsewhere/image")
    answers = [await ask(site, auth, name, operation) for name in names]
    assert all(answer == answers[0] for answer in answers)
    assert answers[0].status == 401
    assert 'error="insufficient_scope"' in answers[0].headers["WWW-Authenticate"]
