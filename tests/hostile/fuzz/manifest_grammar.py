"""Manifests: valid ones with something wrong at any place of them, and bombs (R24-R29, R138, R139)."""

import json
from random import Random
from typing import Any, Final

from hostile.attacker import EMPTY, IMAGE_TYPE, digest
from hostile.fuzz.http_grammar import NAME
from hostile.fuzz.shots import Shot, request

_INDEX_TYPE: Final = "application/vnd.oci.image.index.v1+json"
_TYPES: Final = (
    *[IMAGE_TYPE] * 8, *[_INDEX_TYPE] * 3, f"{IMAGE_TYPE}; charset=utf-8", IMAGE_TYPE.upper(), "text/html", "", "a/b",
    "application/vnd.docker.distribution.manifest.v2+json", "application/json", "application/octet-stream",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.docker.distribution.manifest.v1+json",
)  # fmt: skip
_KEYS: Final = (
    "schemaVersion", "mediaType", "config", "layers", "manifests", "subject", "artifactType", "annotations", "digest",
    "size", "urls", "data", "platform", "Layers", "SIZE", "mediatype", "\u017fize", "unknown", "", "\x00",
    "__proto__",
)  # fmt: skip
_LEAVES: Final[tuple[Any, ...]] = (
    None, True, False, 0, 1, -1, 2, 2**31, 2**63 - 1, 2**63, 2**64, 10**300, 1.5, -0.0, "", "a", "\x00", "\x7f\u0080",
    "\u202e", "\ud800", "\U0001f600", "a" * 256, "a" * 5000, IMAGE_TYPE, _INDEX_TYPE, "sha256:", f"sha256:{'0' * 64}",
    f"sha256:{'A' * 64}", f"sha512:{'0' * 128}", "md5:0", "../../etc/passwd", "<script>", "http://169.254.169.254/",
    [], {},
    [[]], {"a": {}}, [None], ["a"] * 50, {"a" * 300: "b"},
)  # fmt: skip
_NOISE: Final = (
    b"", b"\x00", b",", b"}", b"]", b"{", b"[", b'"', b"\\", b"\xff", b"\xed\xa0\x80", b"NaN", b"Infinity", b"-",
    b"1e999",
    b'"size":1,', b'"a":1,"a":2,', b"\xef\xbb\xbf", b"/*x*/", b"'", b"\xc0\x80", b"9" * 400, b"\r\n", b"0x1", b"01",
    b"[" * 200,
)  # fmt: skip
_ENCODINGS: Final = ("utf-16", "utf-16-le", "utf-32", "utf-8-sig", "utf-7", "latin-1")
_REFERENCES: Final = (*[f"t{n}" for n in range(20)], "<<blob>>", f"sha256:{'0' * 64}", f"sha512:{'0' * 128}")
_QUERIES: Final = (*[""] * 20, "?tag=a&tag=b", "?tag=-", "?" + "&".join(f"tag=t{n}" for n in range(47)))


def any_manifest(dice: Random) -> Shot:
    """A push of one."""
    document = dice.choice((_image, _index, _artifact))(dice)
    for _ in range(dice.choice((0, 1, 1, 1, 2, 3))):
        document = _changed(dice, document)
    body = _meddled(dice, json.dumps(document, ensure_ascii=dice.random() < 0.5).encode("utf-8", "surrogatepass"))
    said = document.get("mediaType") if isinstance(document, dict) else None
    content_type = said if said in (IMAGE_TYPE, _INDEX_TYPE) and dice.random() < 0.8 else dice.choice(_TYPES)
    return pushed(body, content_type, dice.choice(_REFERENCES) + dice.choice(_QUERIES))


def pushed(body: bytes, content_type: str = IMAGE_TYPE, reference: str = "bomb") -> Shot:
    """A push of these bytes."""
    headers = [("Content-Type", content_type), ("Authorization", "<<alice>>")]
    return request("PUT", f"/v2/{NAME}/manifests/{reference}", headers, body)


def _image(dice: Random) -> dict[str, Any]:
    layers = [_descriptor(dice) for _ in range(dice.randint(0, 3))]
    return {"schemaVersion": 2, "mediaType": IMAGE_TYPE, "config": _held(), "layers": layers}


def _index(dice: Random) -> dict[str, Any]:
    manifests = [_descriptor(dice) for _ in range(dice.randint(0, 3))]
    return {"schemaVersion": 2, "mediaType": _INDEX_TYPE, "manifests": manifests}


def _artifact(dice: Random) -> dict[str, Any]:
    return {**_image(dice), "artifactType": "a/b", "subject": _descriptor(dice), "annotations": {"a": "b"}}


def _descriptor(dice: Random) -> dict[str, Any]:
    absent = {"mediaType": "a/b", "digest": f"sha256:{dice.randbytes(32).hex()}", "size": dice.randrange(99)}
    return (
        _held()
        if dice.random() < 0.8
        else {**absent, "urls": ["http://127.0.0.1:1/"]}
        if dice.random() < 0.5
        else absent
    )


def _held() -> dict[str, Any]:
    return {"mediaType": "application/vnd.oci.empty.v1+json", "digest": digest(EMPTY), "size": len(EMPTY)}


def _changed(dice: Random, value: Any) -> Any:
    """The value with one thing in it exchanged, taken away, put in or doubled, at any depth."""
    if isinstance(value, dict) and value and dice.random() < 0.8:
        key = dice.choice(sorted(value))
        match dice.randrange(8):
            case 0:
                return {name: each for name, each in value.items() if name != key}
            case 1:
                return {**value, dice.choice(_KEYS): dice.choice((*_LEAVES, value[key]))}
            case 2:
                return {dice.choice(_KEYS) if name == key else name: each for name, each in value.items()}
        return {**value, key: _changed(dice, value[key])}
    if isinstance(value, list) and value and dice.random() < 0.8:
        at = dice.randrange(len(value))
        return [*value[:at], _changed(dice, value[at]), *value[at + dice.randint(0, 1) :]]
    return dice.choice(_LEAVES)


def _meddled(dice: Random, body: bytes) -> bytes:
    at = dice.randrange(len(body) + 1)
    match dice.randrange(10):
        case 0:
            return body[:at]
        case 1:
            return body[:at] + dice.choice(_NOISE) + body[at:]
        case 2:
            return body[:at] + dice.randbytes(1) + body[at + 1 :]
        case 3:
            return body[:at] + body[dice.randrange(len(body)) :]
        case 4:
            return body.decode("utf-8", "replace").encode(dice.choice(_ENCODINGS), "replace")
    return body


def bombs() -> list[Shot]:
    """Large ones, made to hurt a parser; few, because each is megabytes."""
    whole = json.dumps(_image(Random(0))).encode()
    held = json.dumps(_held()).encode()
    inner = [
        b"[" * 2_000_000,
        b'{"a":' * 800_000,
        b'{"a":' * 129 + b"1" + b"}" * 129,
        b"[" + b"1," * 2_000_000 + b"1]",
        b"{" + b",".join(b'"%d":1' % n for n in range(300_000)) + b"}",
        b'{"schemaVersion":' + b"9" * 4_000_000 + b"}",
        b"[" + b",".join([b"9" * 4_299] * 900) + b"]",
        b'"' + b"\\u0000" * 600_000 + b'"',
        b'"' + b"\\" * 4_000_000,
        b'{"schemaVersion":2,"config":' + held + b',"layers":[' + b",".join([held] * 5000) + b"]}",
        b'{"schemaVersion":2,"manifests":[' + b",".join([held] * 30_000) + b"]}",
        whole[:-1] + b',"annotations":{' + b",".join(b'"%d":"x"' % n for n in range(150_000)) + b"}}",
        whole[:-1] + b',"annotations":{"a":"' + b"x" * 4_000_000 + b'"}}',
        b" " * (4 * 2**20) + whole,
    ]
    return [pushed(body) for body in inner]
