"""Bearer tokens of the attacker's making, who even holds the key: only the genuine form counts (R55-R58)."""

import json
from random import Random
from typing import Any, Final

from hostile.fuzz.http_grammar import NAME
from hostile.fuzz.shots import Shot, request
from hostile.genuine import Genuine, encoded

_VALUES: Final[tuple[Any, ...]] = (
    None, True, False, 0, -1, 1, 2**31, 2**63, 10**40, 1.5, "", "a", "\x00", "\u202e", "none", "HS256", "ES256",
    "es256",
    "RS256", "JWT", "../../dev/null", "' OR 1=1", "a" * 3000, "*", "user:00000000-0000-4000-8000-000000000000", [],
    {}, [[]],
    ["exp"], {"kty": "oct", "k": "AA"}, "http://169.254.169.254/jwks", [{"type": "repository", "name": "*",
    "actions": ["*"]}],
)  # fmt: skip
_HEADERS: Final = ("alg", "kid", "typ", "crit", "jwk", "jku", "x5u", "x5c", "x5t", "b64", "zip", "enc", "cty", "epk")
_CLAIMS: Final = ("iss", "aud", "sub", "exp", "nbf", "iat", "jti", "access", "identity", "scope", "scp", "admin", "azp")
_PLACES: Final = ("/v2/", f"/v2/{NAME}/tags/list", f"/v2/{NAME}/manifests/latest")


def any_token(dice: Random, genuine: Genuine) -> Shot:
    """A request that shows one."""
    made = dice.choice((_by_header, _by_claim, _by_claim, _by_text, _by_form))(dice, genuine)
    headers = [("Authorization", f"Bearer {made}")]
    return request("GET", dice.choice(_PLACES), headers)


def _by_header(dice: Random, genuine: Genuine) -> str:
    return genuine.with_header({dice.choice(_HEADERS): dice.choice(_VALUES) for _ in range(dice.randint(1, 2))})


def _by_claim(dice: Random, genuine: Genuine) -> str:
    """Rightly signed."""
    claims: dict[str, Any] = dict(genuine.claims)
    for _ in range(dice.randint(1, 2)):
        name = dice.choice(_CLAIMS)
        if dice.random() < 0.3:
            claims.pop(name, None)
        elif name in ("exp", "nbf", "iat") and dice.random() < 0.5:
            claims[name] = genuine.claims["iat"] + dice.choice((-400, -90, 90, 400, 10**12))
        else:
            claims[name] = dice.choice(_VALUES)
    if dice.random() < 0.2:
        claims["identity"] = {
            **genuine.claims["identity"],
            dice.choice(("kind", "id", "scopes", "x")): dice.choice(_VALUES),
        }
    return genuine.signed(json.dumps(claims).encode())


def _by_text(dice: Random, genuine: Genuine) -> str:
    text, at = genuine.text, dice.randrange(len(genuine.text))
    match dice.randrange(4):
        case 0:
            return text[:at] + dice.choice("AZaz09-_.=+/~") + text[at + 1 :]
        case 1:
            return text[:at]
        case 2:
            return text[:at] + dice.choice(("A", ".", "=", "/", " ", ",", "\xe9", "%00")) + text[at:]
    return text[:at] + text[dice.randrange(len(text)) :]


def _by_form(dice: Random, genuine: Genuine) -> str:
    """JWE, detached, two signatures, JSON, no signature, too large."""
    head, payload, signature = genuine.text.split(".")
    nothing = encoded(json.dumps({**genuine.header, "alg": "none"}).encode())
    flattened = {"protected": head, "payload": payload, "signature": signature}
    return dice.choice(
        (
            f"{head}.{payload}.{signature}.{signature}",
            f"{head}.{payload}.{signature}.{signature}.{signature}",
            f"{head}..{signature}",
            f"{nothing}.{payload}.",
            f"{nothing}.{payload}.{signature}",
            json.dumps(flattened),
            json.dumps({"payload": payload, "signatures": [flattened, flattened]}),
            f"{head}.{payload}.{encoded(bytes(64))}",
            f"{head}.{payload}.{signature * dice.choice((2, 300))}",
            f"{genuine.text} {genuine.text}",
            f"{genuine.text},{genuine.text}",
            genuine.with_public_key_as_secret(),
            encoded(b"[" * dice.choice((10, 9000))) + f".{payload}.{signature}",
        )
    )
