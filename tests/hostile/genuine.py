"""A genuine bearer token and what can be made of it by somebody who even holds the key it was signed with."""

import hmac
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from joserfc import jws
from joserfc.jwk import ECKey

from servers.registry import StandaloneRegistry


def key_of(registry: StandaloneRegistry) -> ECKey:
    """The key with which the registry signs."""
    (key,) = (registry.data / "secrets").glob("bearer-*.pem")
    return ECKey.import_key(key.read_bytes())


def encoded(part: bytes) -> str:
    """A part of a token."""
    return urlsafe_b64encode(part).rstrip(b"=").decode()


def decoded(part: str) -> Any:
    """What a part of a token says."""
    return json.loads(urlsafe_b64decode(part + "=" * (-len(part) % 4)))


@dataclass(frozen=True)
class Genuine:
    """A token as the registry makes it, and even its key: what an attacker can do with that must not be more."""

    text: str
    key: ECKey

    @property
    def header(self) -> dict[str, Any]:
        """What its header says."""
        return dict(decoded(self.text.split(".")[0]))

    @property
    def claims(self) -> dict[str, Any]:
        """What it claims."""
        return dict(decoded(self.text.split(".")[1]))

    def with_header(self, header: bytes | Mapping[str, Any]) -> str:
        """The same token under another header."""
        head = header if isinstance(header, bytes) else json.dumps({**self.header, **header}).encode()
        return ".".join([encoded(head), *self.text.split(".")[1:]])

    def signed(self, payload: bytes | Mapping[str, Any]) -> str:
        """Other claims, rightly signed."""
        claims = payload if isinstance(payload, bytes) else json.dumps({**self.claims, **payload}).encode()
        return jws.serialize_compact(self.header, claims, self.key, algorithms=["ES256"])

    def without(self, claim: str) -> str:
        """Rightly signed, with one claim less."""
        return self.signed(json.dumps({name: said for name, said in self.claims.items() if name != claim}).encode())

    def with_public_key_as_secret(self) -> str:
        """HS256, with the public key for a secret."""
        signed = ".".join(encoded(json.dumps(part).encode()) for part in ({**self.header, "alg": "HS256"}, self.claims))
        return f"{signed}.{encoded(hmac.digest(self.key.as_pem(private=False), signed.encode(), 'sha256'))}"
