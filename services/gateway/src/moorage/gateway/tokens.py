"""Bearer tokens: who asks, and an upper bound of what for. Never a right (protocol.md §3; R55-R58).

The form is the strictest that works: a compact JWS with exactly `alg`, `kid` and `typ` in its header, ES256, a key of
our own directory. Everything else is refused before any key is touched.
"""

import json
import re
import secrets
from base64 import urlsafe_b64decode
from collections import OrderedDict
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Literal, Self

from joserfc import jws
from joserfc.errors import JoseError
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from moorage.access.principal import Identity, PrincipalKind
from moorage.access.wire import IdentityBody
from moorage.gateway.keys import KeyRing
from moorage.gateway.scopes import CATALOG, IMAGE_TYPE, Grants

ALGORITHM: Final = "ES256"
MAX_TOKEN_LENGTH: Final = 16 * 1024
LEEWAY_SECONDS: Final = 60
MIN_SECONDS: Final = 60
_MOST_VERIFIED: Final = 10_000
_LONGEST_VERIFIED: Final = 2 * 1024  # a token with two dozen scopes; longer ones are verified each time, not kept
_COMPACT: Final = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")


class TokenTooLong(ValueError):
    """More scopes than fit into a token that this registry would accept."""


class TokenInvalid(Exception):
    """A bearer token that is not ours, not for us, or not of now. The message never quotes it."""


@dataclass(frozen=True, slots=True)
class BearerToken:
    """A token that was issued: its text, and when and for how many seconds."""

    text: str
    issued_at: datetime
    seconds: int


@dataclass(frozen=True, slots=True)
class Bearer:
    """What a valid token says. `grants` bounds what it may be used for."""

    identity: Identity
    grants: Grants
    not_before: int
    expires: int

    def valid_at(self, now: datetime) -> bool:
        """Whether `now` lies within the token's life, with a minute for clocks that differ."""
        return self.not_before - LEEWAY_SECONDS <= now.timestamp() < self.expires + LEEWAY_SECONDS


class _Access(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    type: Literal["repository", "registry"]
    name: str
    actions: list[str]

    @classmethod
    def of(cls, name: str, actions: frozenset[str]) -> "_Access":
        """The entry for the image called `name`, or for the catalogue."""
        if name == CATALOG:
            return cls(type="registry", name=CATALOG.partition(":")[2], actions=sorted(actions))
        return cls(type="repository", name=name, actions=sorted(actions))

    @model_validator(mode="after")
    def _is_known(self) -> Self:
        if self.type != IMAGE_TYPE and self.key != CATALOG:
            raise ValueError("the registry itself has a catalogue, and nothing else to grant")
        return self

    @property
    def key(self) -> str:
        """The name in Grants; an image's has no colon like the catalogue's."""
        return self.name if self.type == IMAGE_TYPE else f"{self.type}:{self.name}"


class _Claims(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, extra="ignore")

    iss: str
    aud: str
    sub: str
    exp: int
    nbf: int
    iat: int
    jti: str = Field(min_length=1)
    access: list[_Access]
    identity: IdentityBody


class BearerTokens:
    """Issues and verifies the tokens of one registry; remembers those it has verified, by their whole text."""

    def __init__(self, keys: KeyRing, issuer: str, audience: str, seconds: int) -> None:
        if seconds < MIN_SECONDS:
            raise ValueError(f"a bearer token lives {MIN_SECONDS} seconds at least: clients treat less as that")
        self._keys = keys
        self._issuer = issuer
        self._audience = audience
        self._seconds = seconds
        self._verified: OrderedDict[str, tuple[str, Bearer]] = OrderedDict()

    def issue(self, identity: Identity, grants: Grants, now: datetime) -> BearerToken:
        """A token for `identity`, signed by the newest key. Raises TokenTooLong."""
        issued = int(now.timestamp())
        claims = {
            "iss": self._issuer,
            "aud": self._audience,
            "sub": _subject(identity),
            "exp": issued + self._seconds,
            "nbf": issued,
            "iat": issued,
            "jti": secrets.token_urlsafe(16),
            "access": [_Access.of(name, grants[name]).model_dump() for name in sorted(grants)],
            "identity": IdentityBody.of(identity).model_dump(mode="json", exclude_none=True),
        }
        kid, key = self._keys.signing
        header = {"alg": ALGORITHM, "kid": kid, "typ": "JWT"}
        text = jws.serialize_compact(header, json.dumps(claims), key, algorithms=[ALGORITHM])
        if len(text) > MAX_TOKEN_LENGTH:
            raise TokenTooLong("the scopes asked for do not fit into one token; ask for fewer at once")
        return BearerToken(text, datetime.fromtimestamp(issued, UTC), self._seconds)

    def verify(self, text: str, now: datetime) -> Bearer:
        """Who shows the token. Raises TokenInvalid."""
        known = self._verified.get(text)
        kid, bearer = known or self._read(text)
        if self._keys.find(kid) is None:
            raise TokenInvalid("its key is no longer in use")
        if not bearer.valid_at(now):
            self._verified.pop(text, None)
            raise TokenInvalid("it is not valid at this time")
        if known:
            self._verified.move_to_end(text)
        elif len(text) <= _LONGEST_VERIFIED:
            self._remember(text, kid, bearer)
        return bearer

    def _remember(self, text: str, kid: str, bearer: Bearer) -> None:
        self._verified[text] = (kid, bearer)
        if len(self._verified) > _MOST_VERIFIED:
            self._verified.popitem(last=False)

    def _read(self, text: str) -> tuple[str, Bearer]:
        kid = _key_id(text)
        key = self._keys.find(kid)
        if key is None:
            raise TokenInvalid("its key is not known")
        try:
            payload = jws.deserialize_compact(text, key, algorithms=[ALGORITHM]).payload
            claims = _Claims.model_validate_json(payload)
        except (JoseError, ValidationError, ValueError) as error:
            raise TokenInvalid("its signature or its claims are not valid") from error
        if claims.iss != self._issuer or claims.aud != self._audience:
            raise TokenInvalid("it is another registry's")
        identity = claims.identity.value()
        if claims.sub != _subject(identity):
            raise TokenInvalid("it contradicts itself")
        grants = {entry.key: frozenset(entry.actions) for entry in claims.access}
        return kid, Bearer(identity, grants, claims.nbf, claims.exp)


def _subject(identity: Identity) -> str:
    return "" if identity.principal.kind is PrincipalKind.ANONYMOUS else str(identity.principal)


def _key_id(text: str) -> str:
    """The key id of a token in the one form that is accepted. Raises TokenInvalid."""
    if len(text) > MAX_TOKEN_LENGTH or not _COMPACT.fullmatch(text):
        raise TokenInvalid("it is not a token of this registry")
    encoded = text.partition(".")[0]
    try:
        header = json.loads(urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)))
    except (ValueError, RecursionError) as error:
        raise TokenInvalid("its header can't be read") from error
    if not isinstance(header, dict) or header.keys() != {"alg", "kid", "typ"}:
        raise TokenInvalid("its header is not the one this registry writes")
    if header["alg"] != ALGORITHM or header["typ"] != "JWT" or not isinstance(header["kid"], str):
        raise TokenInvalid("its header is not the one this registry writes")
    return str(header["kid"])
