"""Requests: the API's grammar with something wrong at any place of it, and bytes that are no HTTP at all."""

from random import Random
from typing import Final
from urllib.parse import quote

from hostile.fuzz.shots import Shot, request

NAME: Final = "acme/hello/fuzzed"
ZERO: Final = f"sha256:{'0' * 64}"

_ODD: Final = (
    "", ".", "..", "%2e%2e", "%2E%2e%2f", "..%2f..", "%00", "%0d%0aX:%20y", "\\", "%5c", "//", "%c0%ae%c0%ae",
    "%252e%252e", "a%", "%zz", "*", "~", ";a=b", "\xff", "\xe9", "%ff%fe", "a" * 129, "a" * 300, "A", "_", "a__b",
    "a___b", "a.-b", "-", "blobs", "uploads", "manifests", "tags", "list", "referrers", "_catalog", "sha256:",
    "md5:0",
    "%3a", "{}", "<script>", "'", '"', "a%20b", "0", "-1", "1e9", "null", "NaN", "%F0%9F%98%80", "a+b", "a&b", "a=b",
    "99999999999999999999", "\u0661".encode().decode("latin-1"), "$(id)", "${jndi:ldap://x}", "{{7*7}}",
    "/etc/passwd",
)  # fmt: skip
_NAMES: Final = (
    NAME, NAME, NAME, NAME, NAME, NAME, NAME, NAME, NAME, NAME, "acme/hello", "acme", "acme/hello/none", "other/x",
    "acme/ledger/none", "ACME/x", "a/b/c/d",
    "acme/hello/fuzzed/blobs", "acme/hello/fuzzed/manifests/x", "acme/" + "a/" * 120 + "b", "a" * 255, "acme//hello",
)  # fmt: skip
_DIGESTS: Final = (
    *["<<blob>>"] * 10, *["<<manifest>>"] * 4, ZERO, "sha512:" + "0" * 128, "sha256:" + "0" * 63, "sha256:" + "A" * 64,
    "sha384:" + "0" * 96, "sha512:" + "0" * 64, "sha256%3A" + "0" * 64, "sha256:" + "0" * 64 + "%0a",
)  # fmt: skip
_TAGS: Final = (*["latest"] * 6, "other", "v1.0-x_y", "a" * 128, "a" * 129, "-a", ".a")
_SESSIONS: Final = (
    "<<session>>", "<<session>>", "<<session>>", "00000000-0000-4000-8000-000000000000", "x",
    "<<session>>0", "{<<session>>}", "00000000000040008000000000000000",
)  # fmt: skip
_METHODS: Final = {
    "blobs": ("GET", "HEAD", "DELETE"),
    "manifests": ("GET", "HEAD", "PUT", "DELETE"),
    "uploads": ("POST",),
    "session": ("GET", "PATCH", "PATCH", "PUT", "DELETE"),
    "tags": ("GET", "HEAD"),
    "referrers": ("GET", "HEAD"),
}
_OTHER_METHODS: Final = (
    "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PROPFIND", "get", "X" * 40,
)  # fmt: skip
_AUTHS: Final = (
    *["<<alice>>"] * 12, *["<<bearer>>"] * 4, "<<carol>>", "<<mallory>>", None,
    "Bearer x.y.z", "Bearer", "Basic", "Basic !!!", "Basic bm9jb2xvbg==", "Digest a", "Basic \xff",
    "Bearer " + "A" * 20000,
)  # fmt: skip
_PARAMETERS: Final = (
    "n", "last", "digest", "mount", "from", "tag", "artifactType", "digest-algorithm", "ns", "scope", "service",
    "account", "client_id", "offline_token", "cursor", "limit", "workspace", "name", "image", "action", "wait",
)  # fmt: skip
_VALUES: Final = (
    *_DIGESTS, *_TAGS, *_NAMES, "0", "1", "1000", "1001", "-1", "9" * 30, "sha256", "sha512", "true", "a/b", "pull",
    "all", "acme", "registry:catalog:*", f"repository:{NAME}:pull,push", f"repository:{NAME}:*",
    "repository:a:b:c:pull",
    "repository(x):a:pull", "repository::pull", "a:b:c", ":::", "repository:127.0.0.1:5000/a/b:pull", "x " * 70,
)  # fmt: skip
_RANGES: Final = (
    "bytes=0-1", "bytes=-1", "bytes=5-2", "bytes=0-", "bytes=99999999999999999999-", "bytes=0-1,3-4", "bytes=-0",
    "bytes=" + "0-0," * 500, "lines=1-2", "bytes=a-b", "bytes = 0-1", "", "bytes=2-7", "bytes=7-999",
)  # fmt: skip
_USUAL_QUERIES: Final = {
    "session": ("?digest=<<digest>>", ""),
    "uploads": ("?digest=<<digest>>", "", f"?mount=<<blob>>&from={NAME}", "?digest-algorithm=sha512"),
    "tags": ("?n=1", "?n=0", "?n=1001&last=a", ""),
    "referrers": ("?artifactType=a/b", ""),
}
_HEADERS: Final = (
    ("Range", _RANGES),
    ("Content-Range", ("0-2", "0-0", "3-5", "bytes 0-2/*", "bytes 0-2/3", "2-0", "-", "0-99999999999999999999",
                       "9223372036854775807-9223372036854775809", "a-b", "0-2,4-5", "")),
    ("Content-Type", ("application/json", "application/vnd.oci.image.manifest.v1+json", "text/html", "", "\xff",
    "a/b",
                      "application/vnd.oci.image.index.v1+json; charset=utf-8", "application/x-www-form-urlencoded",
                      "multipart/form-data; boundary=x", "application/vnd.docker.distribution.manifest.v1+json")),
    ("Content-Encoding", ("gzip", "identity", "br", "deflate", "zstd", "x", "")),
    ("Accept", ("*/*", "", "text/html", "application/json;q=0.1", "a" * 5000)),
    ("Accept-Encoding", ("gzip", "br;q=1.0, *;q=0", "identity;q=0")),
    ("Expect", ("100-continue", "tea", "")),
    ("If-None-Match", ("*", '"<<blob>>"', 'W/"x"', "," * 3000, "")),
    ("If-Range", ('"<<blob>>"', "Wed, 21 Oct 2015 07:28:00 GMT", "x")),
    ("If-Match", ("*", '"1"', "x")),
    ("X-Forwarded-For", ("127.0.0.1", "10.0.0.1, 1.1.1.1", "\xff")),
    ("X-Forwarded-Host", ("evil.example",)),
    ("X-Forwarded-Proto", ("https",)),
    ("Forwarded", ("for=127.0.0.1;host=evil.example",)),
    ("X-Original-URL", ("/v2/acme/hidden/tags/list",)),
    ("X-HTTP-Method-Override", ("DELETE",)),
    ("Moorage-Principal", ("user:fb4b7b6a-2911-5e06-ad21-676d2a1d3b1c",)),
    ("Moorage-Sealed-Body", ("1",)),
    ("Moorage-Chunk-Length", ("5", "-1")),
    ("Moorage-Link-Gen", ("1",)),
    ("Moorage-Authz-Min-Token", ("zt1.0.0", "zt1.1.99", "zt1.x", "zt2.1.1", "zt1." + "9" * 40 + ".1", "", "\xff")),
    ("X-Request-Id", ("a", "a b", "\xff", "a" * 100)),
    ("User-Agent", ("docker/28", "\xff\xfe", "<script>", "a" * 2000)),
    ("Cookie", ("a=b",)),
    ("Upgrade", ("h2c", "websocket")),
    ("HTTP2-Settings", ("AAMAAABkAAQAAP__",)),
    ("Origin", ("http://evil.example",)),
)  # fmt: skip
_BODIES: Final = (
    b"", b"", b"", *[b"abc"] * 5, b"{}", b"[]", b"null", b"\x00", b"\xff\xfe", b"a=b&c", b"grant_type=password",
    b'{"a":1,"a":2}', b"[" * 3000, b'{"a":' * 500, b'{"n":' + b"9" * 5000 + b"}", b"x" * 70_000,
)  # fmt: skip
_MANAGED: Final = (
    "images", "images?workspace=acme", "images/<<image>>", "images/<<image>>/visibility",
    "images/<<image>>/push-policy",
    "images/<<image>>/repository", "images/<<image>>/restore", f"images?name={NAME}", "tokens", "tokens/x", "check",
    f"check?image={NAME}&action=pull", f"explain?image={NAME}&action=push", "audit", "workspaces/acme",
    "workspaces/acme/allow-public", "sync", "what-can", "who-can", "preview", "diff", "nothing",
)  # fmt: skip
_WISHES: Final = (
    b'{"visibility":"public"}', b'{"visibility":["public"]}', b'{"push_policy":7}', b'{"name":"x","scopes":["a"]}',
    b'{"name":"x","user":"alice","admin":true}', b'{"name":"acme/\\u0000","repository":"hello"}',
    b'{"name":"\\ud800"}',
    b'{"repository":"../../etc"}', b'{"limit":1e400}', b'{"days":99999999999999999999}', b'\xef\xbb\xbf{}',
)  # fmt: skip
_NOISE: Final = (b"\r", b"\n", b"\r\n", b"\r\n\r\n", b"\x00", b" ", b"\t", b":", b"\xff", b"%", b"\r\n ", b"HTTP/1.1")
_FRAMINGS: Final = (
    b"Transfer-Encoding: chunked", b"Transfer-Encoding: gzip, chunked", b"Transfer-Encoding: identity",
    b"Transfer-Encoding : chunked", b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", b"Content-Length: 3",
    b"Transfer-Encoding:\x0bchunked", b"Content-Length: -1", b"Content-Length: +3", b"Content-Length: 0x3",
    b"Host: b",
    b"Content-Length: 3, 3", b"Content-Length: 99999999999999999999", b"X: a\r\n folded", b"X\x7f: a", b": a",
    b"novalue",
    b"Transfer-Encoding: xchunked", b"Expect: 100-continue", b"Connection: upgrade\r\nUpgrade: h2c", b"Trailer: X",
)  # fmt: skip
_OTHER_PATHS: Final = ("/v2/", "/v2", "/token", "/token", "/v2/_catalog", "/", "/metrics", "//v2/")


def any_request(dice: Random) -> Shot:
    """One of all kinds, mostly well framed."""
    match dice.randrange(10):
        case 0:
            return _managed(dice)
        case 1:
            return _broken_frame(dice)
    return _api_request(dice)


def _api_request(dice: Random) -> Shot:
    """A request to the distribution API or the token endpoint."""
    kind, path = _place(dice)
    if dice.random() < 0.2:
        path = _bent(dice, path)
    methods = _METHODS.get(kind, _OTHER_METHODS) if dice.random() < 0.9 else _OTHER_METHODS
    query = dice.choice(_USUAL_QUERIES.get(kind, ("",))) if dice.random() < 0.6 else _query(dice)
    headers = _extra(dice)
    if kind == "blobs" and dice.random() < 0.4:
        headers.append(("Range", dice.choice(_RANGES)))
    return request(dice.choice(methods), (path + query).replace(" ", "%20") or "/", headers, dice.choice(_BODIES))


def _managed(dice: Random) -> Shot:
    """A request to the management API: what it reads strictly is bent as well."""
    path = f"/api/v1/{dice.choice(_MANAGED)}"
    if dice.random() < 0.2:
        path = _bent(dice, path)
    headers = [("Content-Type", "application/json"), *_extra(dice)]
    method = dice.choice(("GET", "GET", "POST", "PUT", "PATCH"))
    return request(method, path.replace(" ", "%20"), headers, dice.choice((*_BODIES, *_WISHES)))


def _broken_frame(dice: Random) -> Shot:
    """A request whose bytes were meddled with: cut, doubled, exchanged, or framed in two ways at once."""
    sent = _api_request(dice).sent.replace(b"\r\n", b"\r\nConnection: close\r\n", 1)
    at = dice.randrange(len(sent))
    match dice.randrange(4):
        case 0:
            return Shot(sent[:at], half=True)
        case 1:
            return Shot(sent[:at] + dice.choice(_NOISE) + sent[at:], half=True)
        case 2:
            return Shot(sent[:at] + dice.randbytes(dice.randint(1, 3)) + sent[at + 1 :], half=True)
    head, _, body = sent.partition(b"\r\n\r\n")
    return Shot(head + b"\r\n" + dice.choice(_FRAMINGS) + b"\r\n\r\n" + body + b"0\r\n\r\n", half=True)


def _place(dice: Random) -> tuple[str, str]:
    """A kind of path, and one of it."""
    kind, name = dice.choice((*_METHODS, "other")), dice.choice(_NAMES)
    match kind:
        case "blobs" | "referrers":
            return kind, f"/v2/{name}/{kind}/{dice.choice(_DIGESTS)}"
        case "manifests":
            return kind, f"/v2/{name}/manifests/{dice.choice((*_DIGESTS, *_TAGS))}"
        case "uploads":
            return kind, f"/v2/{name}/blobs/uploads/"
        case "session":
            return kind, f"/v2/{name}/blobs/uploads/{dice.choice(_SESSIONS)}"
        case "tags":
            return kind, f"/v2/{name}/tags/list"
    return kind, dice.choice(_OTHER_PATHS)


def _bent(dice: Random, path: str) -> str:
    """The path with one part of it exchanged for something odd, or with that put in."""
    parts = path.split("/")
    at = dice.randint(1, len(parts) - 1)
    parts[at : at + dice.randint(0, 1)] = [dice.choice(_ODD)]
    return "/".join(parts)


def _query(dice: Random) -> str:
    pairs = [(dice.choice(_PARAMETERS), dice.choice((*_VALUES, *_ODD))) for _ in range(dice.choice((0, 0, 0, 1, 3)))]
    spelt = [f"{name}={quote(value, safe=':/*,<>') if '%' not in value else value}" for name, value in pairs]
    return "?" + "&".join(spelt) if spelt else ""


def _extra(dice: Random) -> list[tuple[str, str]]:
    headers = [(name, dice.choice(values)) for name, values in dice.choices(_HEADERS, k=dice.choice((0, 0, 1, 3)))]
    auth = dice.choice(_AUTHS)
    return headers if auth is None else [*headers, ("Authorization", auth)]
