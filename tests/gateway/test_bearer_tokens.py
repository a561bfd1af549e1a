"""Bearer tokens: what is issued is accepted, and nothing else is (R55-R58)."""

import hmac
import json
from base64 import urlsafe_b64encode
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jwe, jws
from joserfc.jwk import ECKey

from gateway.village_order import beginning
from moorage.access.principal import NOBODY, Bound, Identity, Principal, PrincipalKind, Scope
from moorage.access.publishers import PipelineRun
from moorage.gateway.keys import KeyRing
from moorage.gateway.tokens import MAX_TOKEN_LENGTH, BearerTokens, TokenInvalid
from moorage.runtime.clock import FixedClock

ISSUER, AUDIENCE = "https://registry.example", "registry.example"
NOW = beginning()
WHO = Identity(
    Principal(PrincipalKind.USER, uuid4()),
    uuid4(),
    frozenset({Scope.READ, Scope.WRITE}),
    Bound("repository", frozenset({uuid4()})),
    None,
    NOW + timedelta(days=9),
)
GRANTS = {"acme/app": frozenset({"pull", "push"}), "acme/base": frozenset[str]()}


class Mint:
    """Signs whatever it is told to, with the key of the registry."""

    def __init__(self, folder: Path) -> None:
        self.ring = KeyRing(folder, FixedClock(NOW))
        self.tokens = BearerTokens(self.ring, ISSUER, AUDIENCE, 300)
        self.kid, self.key = self.ring.signing
        self.good = self.tokens.issue(WHO, GRANTS, NOW).text

    def header(self, **changes: Any) -> dict[str, Any]:
        """The header of our tokens, changed; None takes a field away."""
        return _changed({"alg": "ES256", "kid": self.kid, "typ": "JWT"}, changes)

    def claims(self, **changes: Any) -> dict[str, Any]:
        """The claims of a good token, changed."""
        return _changed(json.loads(jws.deserialize_compact(self.good, self.key).payload), changes)

    def sign(self, claims: object, header: dict[str, Any] | None = None, key: Any = None) -> str:
        """A token, whatever is in it."""
        registry = jws.JWSRegistry(algorithms=["ES256", "HS256", "ES512"], strict_check_header=False)
        return jws.serialize_compact(header or self.header(), json.dumps(claims), key or self.key, registry=registry)

    def sign_with_public_key(self) -> str:
        """What everybody knows, used as if it were a shared secret."""
        signed = f"{_encoded(self.header(alg='HS256'))}.{_encoded(self.claims())}"
        tag = hmac.digest(self.key.as_pem(private=False), signed.encode(), "sha256")
        return f"{signed}.{urlsafe_b64encode(tag).rstrip(b'=').decode()}"

    def by_hand(self, header: object, claims: object, signature: str = "AAAA") -> str:
        """A token with any header and a signature that is none."""
        return f"{_encoded(header)}.{_encoded(claims)}.{signature}"


def _changed(document: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in (document | changes).items() if value is not None}


def _encoded(document: object) -> str:
    return urlsafe_b64encode(json.dumps(document).encode()).rstrip(b"=").decode()


@pytest.fixture
def mint(tmp_path: Path) -> Mint:
    """A registry with one key."""
    return Mint(tmp_path)


def test_a_pipelines_run_is_part_of_who_it_is(mint: Mint) -> None:
    """What limits its publishing comes back whole: environment, branch, and whether it builds a proposal."""
    for run in (PipelineRun(), PipelineRun(uuid4(), "release/1", pull_request=True)):
        who = Identity(Principal(PrincipalKind.PIPELINE, uuid4()), run=run)
        assert mint.tokens.verify(mint.tokens.issue(who, GRANTS, NOW).text, NOW).identity == who


def test_what_is_issued_is_accepted(mint: Mint) -> None:
    """The identity comes back whole, and the grants with it, the empty one too."""
    bearer = mint.tokens.verify(mint.good, NOW)
    assert bearer.identity == WHO
    assert bearer.grants == GRANTS


def test_an_anonymous_token_names_nobody(mint: Mint) -> None:
    """Its `sub` is empty."""
    text = mint.tokens.issue(NOBODY, {}, NOW).text
    assert json.loads(jws.deserialize_compact(text, mint.key).payload)["sub"] == ""
    assert mint.tokens.verify(text, NOW).identity == NOBODY


@pytest.mark.parametrize(("seconds", "valid"), [(-61, False), (-60, True), (0, True), (359, True), (360, False)])
def test_a_minute_is_left_to_clocks_that_differ(mint: Mint, seconds: int, valid: bool) -> None:
    """Before and after, also for a token that was verified before."""
    mint.tokens.verify(mint.good, NOW)
    moment = NOW + timedelta(seconds=seconds)
    if valid:
        assert mint.tokens.verify(mint.good, moment)
    else:
        with pytest.raises(TokenInvalid):
            mint.tokens.verify(mint.good, moment)


def _without(claim: str, mint: Mint) -> str:
    return mint.sign(mint.claims(**{claim: None}))


FORGERIES: dict[str, Callable[[Mint], str]] = {
    "nothing": lambda m: "",
    "no token": lambda m: "abc",
    "alg none": lambda m: m.by_hand(m.header(alg="none"), m.claims(), ""),
    "alg None with a signature": lambda m: m.by_hand(m.header(alg="None"), m.claims()),
    "HS256 with the public key": lambda m: m.sign_with_public_key(),
    "another curve": lambda m: m.sign(m.claims(), m.header(alg="ES512"), ECKey.generate_key("P-521")),
    "another key under our id": lambda m: m.sign(m.claims(), key=ECKey.generate_key("P-256")),
    "unknown kid": lambda m: m.sign(m.claims(), m.header(kid="other")),
    "no kid": lambda m: m.sign(m.claims(), m.header(kid=None)),
    "kid is no text": lambda m: m.by_hand(m.header(kid=["a"]), m.claims()),
    "kid is a path": lambda m: m.by_hand(m.header(kid="../../etc/passwd"), m.claims()),
    "jwk": lambda m: m.by_hand(m.header(jwk=m.key.as_dict(private=False)), m.claims()),
    "jku": lambda m: m.sign(m.claims(), m.header(jku="https://evil.example/keys")),
    "x5u": lambda m: m.sign(m.claims(), m.header(x5u="https://evil.example/cert")),
    "x5c": lambda m: m.by_hand(m.header(x5c=["MIIB"]), m.claims()),
    "crit": lambda m: m.by_hand(m.header(crit=["exp"]), m.claims()),
    "b64": lambda m: m.by_hand(m.header(b64=False, crit=["b64"]), m.claims()),
    "no typ": lambda m: m.sign(m.claims(), m.header(typ=None)),
    "typ of another use": lambda m: m.sign(m.claims(), m.header(typ="at+jwt")),
    "cty": lambda m: m.sign(m.claims(), m.header(cty="JWT")),
    "header is a list": lambda m: m.by_hand(["alg"], m.claims()),
    "header is no JSON": lambda m: "e30x." + m.good.partition(".")[2],
    "header nested deeply": lambda m: f"{urlsafe_b64encode(b'[' * 6000).decode()}.{m.good.split('.', 1)[1]}",
    "detached payload": lambda m: "..".join(m.good.split(".")[::2]),
    "unencoded payload": lambda m: m.good.split(".")[0] + ".{}." + m.good.split(".")[2],
    "two signatures": lambda m: json.dumps({"payload": m.good.split(".")[1], "signatures": [{}, {}]}),
    "flattened JSON": lambda m: json.dumps({"payload": m.good.split(".")[1], "protected": m.good.split(".")[0]}),
    "four parts": lambda m: m.good + ".AAAA",
    "JWE": lambda m: jwe.encrypt_compact(
        {"alg": "ECDH-ES", "enc": "A128GCM", "kid": m.kid}, b"{}", m.key, algorithms=["ECDH-ES", "A128GCM"]
    ),
    "signature cut": lambda m: m.good[:-4],
    "signature changed": lambda m: m.good[:-10] + ("A" * 10),
    "whitespace": lambda m: m.good + "\n",
    "too long": lambda m: m.sign(m.claims(more="x" * MAX_TOKEN_LENGTH)),
    "claims are a list": lambda m: m.sign([1]),
    "claims are no JSON": lambda m: jws.serialize_compact(m.header(), "{", m.key),
    "another issuer": lambda m: m.sign(m.claims(iss="https://other.example")),
    "another audience": lambda m: m.sign(m.claims(aud="other.example")),
    "several audiences": lambda m: m.sign(m.claims(aud=[AUDIENCE, "other"])),
    "expired": lambda m: m.sign(m.claims(exp=int(NOW.timestamp()) - 61)),
    "not yet": lambda m: m.sign(m.claims(nbf=int(NOW.timestamp()) + 61)),
    "exp is a text": lambda m: m.sign(m.claims(exp=str(int(NOW.timestamp()) + 300))),
    "exp is a fraction": lambda m: m.sign(m.claims(exp=NOW.timestamp() + 300.5)),
    "exp is true": lambda m: m.sign(m.claims(exp=True)),
    "nbf is a text": lambda m: m.sign(m.claims(nbf="0")),
    "sub of somebody else": lambda m: m.sign(m.claims(sub=f"user:{uuid4()}")),
    "sub empty": lambda m: m.sign(m.claims(sub="")),
    "sub is a number": lambda m: m.sign(m.claims(sub=5)),
    "jti empty": lambda m: m.sign(m.claims(jti="")),
    "jti is a number": lambda m: m.sign(m.claims(jti=5)),
    "access is an object": lambda m: m.sign(m.claims(access={})),
    "access of another type": lambda m: m.sign(m.claims(access=[{"type": "registry", "name": "a", "actions": []}])),
    "access with a text for actions": lambda m: m.sign(
        m.claims(access=[{"type": "repository", "name": "acme/app", "actions": "pull"}])
    ),
    "access with more": lambda m: m.sign(
        m.claims(access=[{"type": "repository", "name": "acme/app", "actions": [], "class": "x"}])
    ),
    "identity of an unknown kind": lambda m: m.sign(m.claims(identity={"kind": "god"})),
    "identity with unknown fields": lambda m: m.sign(m.claims(identity=m.claims()["identity"] | {"operator": True})),
} | {
    f"without {claim}": partial(_without, claim)
    for claim in ("iss", "aud", "sub", "exp", "nbf", "iat", "jti", "access", "identity")
}


@pytest.mark.parametrize("forgery", FORGERIES.values(), ids=FORGERIES.keys())
def test_anything_else_is_refused(mint: Mint, forgery: Callable[[Mint], str]) -> None:
    """Always TokenInvalid, which is a 401, and the message never quotes the token."""
    text = forgery(mint)
    with pytest.raises(TokenInvalid) as refusal:
        mint.tokens.verify(text, NOW)
    assert not text or text not in str(refusal.value)


@pytest.fixture(scope="module")
def verifier(tmp_path_factory: pytest.TempPathFactory) -> BearerTokens:
    """One that all examples share: it remembers nothing that is refused."""
    return Mint(tmp_path_factory.mktemp("keys")).tokens


@given(text=st.text())
def test_any_text_is_refused(verifier: BearerTokens, text: str) -> None:
    """Never anything else than TokenInvalid."""
    with pytest.raises(TokenInvalid):
        verifier.verify(text, NOW)


def test_a_life_shorter_than_a_minute_is_no_setting(mint: Mint) -> None:
    """Clients treat it as a minute anyway."""
    with pytest.raises(ValueError):
        BearerTokens(mint.ring, ISSUER, AUDIENCE, 59)


def test_every_token_is_another_one(mint: Mint) -> None:
    """Its id is random."""
    assert mint.tokens.issue(WHO, GRANTS, NOW).text != mint.good


def test_a_signature_is_verified_once(mint: Mint, monkeypatch: pytest.MonkeyPatch) -> None:
    """However often the token is shown; another one is another signature."""
    verified: list[str] = []

    def verify(text: str, *arguments: Any, **options: Any) -> Any:
        verified.append(text)
        return deserialize(text, *arguments, **options)

    deserialize = jws.deserialize_compact
    monkeypatch.setattr("moorage.gateway.tokens.jws.deserialize_compact", verify)
    other = mint.tokens.issue(WHO, GRANTS, NOW).text
    for text in (mint.good, mint.good, other, mint.good, other):
        mint.tokens.verify(text, NOW)
    assert verified == [mint.good, other]
