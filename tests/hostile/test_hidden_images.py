"""Whoever may not know of an image sees the same as for one that does not exist (R66-R68; V3-V5)."""

from typing import Final, NamedTuple

import pytest
import pytest_asyncio

from hostile.attacker import FORM, IMAGE_TYPE, Attacker, Headers, basic, digest
from hostile.genuine import decoded

PRESENT: Final = "acme/hello/hidden"
ABSENT: Final = "acme/hello/notone"
ELSEWHERE: Final = "acme/hello/source"
LAYER: Final = b"a layer nobody outside may know of"
NOTHING: Final = f"sha256:{'0' * 64}"


class Attempt(NamedTuple):
    """A request below an image's name; `{…}` stands for what really is there."""

    method: str
    path: str
    headers: Headers = ()
    body: bytes = b""


ATTEMPTS: Final = [
    Attempt("GET", "tags/list"),
    Attempt("HEAD", "tags/list"),
    Attempt("GET", "tags/list?n=0"),
    Attempt("GET", "manifests/latest"),
    Attempt("HEAD", "manifests/latest"),
    Attempt("GET", "manifests/{manifest}"),
    Attempt("GET", "manifests/missing"),
    Attempt("GET", "manifests/{manifest}", [("If-None-Match", "*")]),
    Attempt("GET", "blobs/{blob}"),
    Attempt("HEAD", "blobs/{blob}"),
    Attempt("GET", "blobs/{blob}", [("Range", "bytes=0-3")]),
    Attempt("GET", "blobs/{blob}", [("Range", "bytes=900-")]),
    Attempt("GET", f"blobs/{NOTHING}"),
    Attempt("GET", "referrers/{manifest}"),
    Attempt("GET", f"referrers/{NOTHING}?artifactType=a/b"),
    Attempt("POST", "blobs/uploads/"),
    Attempt("POST", "blobs/uploads/?digest={blob}", body=LAYER),
    Attempt("POST", f"blobs/uploads/?mount={{blob}}&from={ELSEWHERE}"),
    Attempt("GET", "blobs/uploads/{session}"),
    Attempt("PATCH", "blobs/uploads/{session}", body=b"mine"),
    Attempt("PATCH", "blobs/uploads/{session}", [("Content-Range", "7-9")], b"abc"),
    Attempt("PUT", "blobs/uploads/{session}?digest={blob}", body=LAYER),
    Attempt("DELETE", "blobs/uploads/{session}"),
    Attempt("PUT", "manifests/latest", [("Content-Type", IMAGE_TYPE)], b"{}"),
    Attempt("PUT", "manifests/latest?tag=other", [("Content-Type", "text/html")], b"<script>"),
    Attempt("DELETE", "manifests/latest"),
    Attempt("DELETE", "manifests/{manifest}"),
    Attempt("DELETE", f"manifests/{NOTHING}"),
    Attempt("DELETE", "blobs/{blob}"),
    Attempt("OPTIONS", "manifests/latest"),
]


@pytest_asyncio.fixture
async def there(attacker: Attacker) -> dict[str, str]:
    """What the hidden image holds, and an upload session of bob's in it."""
    await attacker.push("alice", ELSEWHERE, LAYER)
    pushed = await attacker.push("alice", PRESENT, LAYER)
    session = (await attacker.open_upload("bob", PRESENT)).rpartition("/")[2]
    return {"manifest": digest(pushed), "blob": digest(LAYER), "session": session}


@pytest.mark.parametrize("who", ["dave", "mallory", "operator", "nobody", "anonymous token", "narrow token"])
async def test_outsiders_cant_tell_a_hidden_image_from_none(
    attacker: Attacker, there: dict[str, str], who: str
) -> None:
    """Status, headers and body, for every endpoint; a name in them is the one that was asked for."""
    auths = {
        "nobody": None,
        "anonymous token": await attacker.bearer(None, *(f"repository:{name}:*" for name in (PRESENT, ABSENT))),
        "narrow token": await attacker.bearer("mallory", "repository:acme/other:pull"),
    }
    auth = auths[who] if who in auths else attacker.basic(who)
    told_apart = []
    for attempt in ATTEMPTS:
        path = attempt.path.format(**there)
        hidden, absent = [
            await attacker.ask(
                attempt.method, f"/v2/{name}/{path}", auth=auth, headers=attempt.headers, body=attempt.body
            )
            for name in (PRESENT, ABSENT)
        ]
        if hidden.seen(PRESENT) != absent.seen(ABSENT) or hidden.status not in (400, 401, 403, 404, 405, 415):
            told_apart.append((attempt, hidden, absent))
    assert not told_apart


@pytest.mark.parametrize("method", ["GET", "PATCH", "PUT", "DELETE"])
async def test_an_upload_session_is_its_principals_and_its_images(
    attacker: Attacker, there: dict[str, str], method: str
) -> None:
    """Somebody who may push there too gets what a session that never was gets (CVE-2026-32589)."""
    path = f"blobs/uploads/{there['session']}?digest={there['blob']}"
    for user, name in (("alice", PRESENT), ("bob", ELSEWHERE)):
        answer = await attacker.ask(method, f"/v2/{name}/{path}", auth=attacker.basic(user))
        assert (answer.status, b"BLOB_UPLOAD_UNKNOWN" in answer.body) == (404, True)
    kept = await attacker.ask("GET", f"/v2/{PRESENT}/blobs/uploads/{there['session']}", auth=attacker.basic("bob"))
    assert (kept.status, kept.header("Range")) == (204, "0-0")


async def test_a_digest_is_no_capability(attacker: Attacker, there: dict[str, str]) -> None:
    """Known from elsewhere, it opens nothing in an image that does not hold it, nor once it was deleted (R67, R71)."""
    name = "acme/hello/other"
    await attacker.push("alice", name, b"something else")
    alice = attacker.basic("alice")
    for path in (f"blobs/{there['blob']}", f"manifests/{there['manifest']}"):
        for method in ("GET", "HEAD"):
            assert (await attacker.ask(method, f"/v2/{name}/{path}", auth=alice)).status == 404
    pushed = await attacker.push("alice", name, LAYER, tag="again")
    assert (await attacker.ask("DELETE", f"/v2/{name}/manifests/{digest(pushed)}", auth=alice)).status == 202
    assert (await attacker.ask("DELETE", f"/v2/{name}/blobs/{there['blob']}", auth=alice)).status == 202
    for path in (f"blobs/{there['blob']}", f"manifests/{digest(pushed)}", "manifests/again"):
        assert (await attacker.ask("GET", f"/v2/{name}/{path}", auth=alice)).status == 404
    assert (await attacker.ask("GET", f"/v2/{PRESENT}/blobs/{there['blob']}", auth=alice)).body == LAYER


async def test_a_mount_tells_nothing_about_its_source(attacker: Attacker, there: dict[str, str]) -> None:
    """From what is hidden, absent or lacks the blob: an ordinary upload, and the blob is not linked (R20, R70)."""
    auth = await attacker.bearer("alice", "repository:acme/hello/target:pull,push", f"repository:{ABSENT}:pull")
    uploads = "/v2/acme/hello/target/blobs/uploads/"
    answers = [
        await attacker.ask("POST", f"{uploads}?mount={mount}&from={source}", auth=auth)
        for mount, source in ((there["blob"], ABSENT), (NOTHING, ABSENT))
    ]
    assert [answer.status for answer in answers] == [202, 202]
    assert (await attacker.ask("HEAD", f"/v2/acme/hello/target/blobs/{there['blob']}", auth=auth)).status == 404
    uncovered = [
        await attacker.ask("POST", f"{uploads}?mount={there['blob']}&from={source}", auth=auth)
        for source in (PRESENT, "acme/hello/nonesuch")
    ]
    assert uncovered[0].seen(PRESENT) == uncovered[1].seen("acme/hello/nonesuch")
    assert 'error="insufficient_scope"' in uncovered[0].header("WWW-Authenticate")


async def test_a_token_is_issued_alike_for_any_name(attacker: Attacker, there: dict[str, str]) -> None:
    """For an image that is there, hidden or absent; only the credential counts (R50)."""
    for who in ("alice", "dave", "operator", None):
        auth = attacker.basic(who) if who else None
        hidden, absent = [
            await attacker.ask("GET", f"/token?scope=repository:{name}:pull,push,delete", auth=auth)
            for name in (PRESENT, ABSENT)
        ]
        granted = [decoded(answer.json["token"].split(".")[1])["access"][0] for answer in (hidden, absent)]
        assert (hidden.status, absent.status) == (200, 200)
        assert granted[0] | {"name": ABSENT} == granted[1]
        headers = [[line for line in answer.seen(name)[1] if "Length" not in line] for answer, name in
                   ((hidden, PRESENT), (absent, ABSENT))]  # fmt: skip
        assert headers[0] == headers[1]


async def test_the_catalogue_says_no_word_of_what_is_hidden(attacker: Attacker, there: dict[str, str]) -> None:
    """Nor does an empty page hint at it; who may pull it sees it (R42)."""
    listed = {}
    for who in ("alice", "bob", "dave", "mallory", "operator"):
        answer = await attacker.ask("GET", "/v2/_catalog?n=1000", auth=attacker.basic(who))
        listed[who] = answer.json["repositories"] if answer.status == 200 else []
        assert (answer.status, answer.header("Link")) in ((200, ""), (401, ""))
    assert PRESENT in listed["alice"]
    assert PRESENT in listed["bob"]
    assert not any(PRESENT in listed[who] for who in ("dave", "mallory", "operator"))


async def test_a_name_created_again_brings_nothing_back(attacker: Attacker) -> None:
    """Neither content nor open sessions of the image that had it before, whatever token is shown (R61)."""
    name = "acme/hello/phoenix"
    await attacker.push("alice", name, LAYER)
    session = await attacker.open_upload("bob", name)
    token = await attacker.bearer("bob", f"repository:{name}:pull,push")
    image = await attacker.image_id("alice", name)
    alice = attacker.basic("alice")
    assert (await attacker.manage("DELETE", f"/api/v1/images/{image}", auth=alice)).status == 200
    assert (await attacker.ask("GET", f"/v2/{name}/tags/list", auth=token)).status == 404
    await attacker.push("alice", name, b"new", tag="new")
    assert (await attacker.ask("GET", f"/v2/{name}/tags/list", auth=token)).json["tags"] == ["new"]
    assert (await attacker.ask("HEAD", f"/v2/{name}/blobs/{digest(LAYER)}", auth=token)).status == 404
    assert (await attacker.ask("GET", session, auth=token)).status == 404
    assert (await attacker.manage("GET", f"/api/v1/images/{image}", auth=alice)).status == 404


async def test_wrong_credentials_are_never_taken_for_none(attacker: Attacker) -> None:
    """On a public image they are 401 where no credential is 200 (R51), and an outsider only pulls (V1)."""
    name = "acme/hello/public"
    await attacker.push("alice", name, LAYER)
    operator, image = attacker.basic("operator"), await attacker.image_id("alice", name)
    for path, body, auth in (
        ("workspaces/acme/allow-public", {"allow_public": True}, operator),
        (f"images/{image}/visibility", {"visibility": "public"}, attacker.basic("alice")),
    ):
        assert (await attacker.manage("PUT", f"/api/v1/{path}", body, auth=auth)).status == 200
    scope = f"repository:{name}:pull,push,delete"
    pulls: dict[str | None, int] = {
        None: 200,
        await attacker.bearer(None, scope): 200,
        await attacker.bearer("mallory", scope): 200,
        attacker.basic("mallory"): 200,
        await attacker.bearer(None): 401,
        basic("someone", "wrong"): 401,
        basic("alice", f"mrg_pat_{'a' * 36}"): 401,
        "Bearer x.y.z": 401,
        "Negotiate abc": 401,
        operator: 401,
    }
    for shown, status in pulls.items():
        for path in ("tags/list", "manifests/latest", f"blobs/{digest(LAYER)}"):
            assert (await attacker.ask("GET", f"/v2/{name}/{path}", auth=shown)).status == status, shown
        for method, path in (("POST", "blobs/uploads/"), ("DELETE", "manifests/latest")):
            assert (await attacker.ask(method, f"/v2/{name}/{path}", auth=shown)).status in (401, 403)
    for form in (b"grant_type=password&username=x&password=wrong", b"grant_type=password&username=&password="):
        assert (await attacker.ask("POST", "/token", headers=[FORM], body=form)).status == 401
