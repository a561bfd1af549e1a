"""What lets an edge take one request straight to storage: a signed statement of the gateway (decision 0015).

It says who may send which request, exactly, and for how long it may begin. It passes from the gateway through the edge
to storage and never leaves the internal network; the client never sees it.
"""

import base64
import hashlib
import hmac
import json
from dataclasses import asdict, dataclass
from typing import Any, Final

from moorage.distribution.content import Actor

CAPABILITY_SECONDS: Final = 30
"""How long a capability lasts, in seconds: from the gateway's answer until storage has read the request's head."""

_PURPOSE: Final = b"moorage capability v1"


class CapabilityInvalid(ValueError):
    """Not a capability of this registry, not for this request, or too old."""


@dataclass(frozen=True, slots=True)
class Capability:
    """One request that the gateway has admitted: its method, its target at storage, and what an admission says."""

    method: str
    target: str
    """Path and query as storage sees them: images are UUIDs in it, and a digest that closes an upload is in it too."""
    name: str
    """The `<name>` that the client used, for Locations."""
    actor: Actor
    expires: int
    """Seconds since 1970."""


class CapabilitySigner:
    """Makes and reads capabilities; gateway and storage share the key, as they share the service token."""

    def __init__(self, service_token: str) -> None:
        self._key = hmac.digest(service_token.encode(), _PURPOSE, hashlib.sha256)

    def sign(self, capability: Capability) -> str:
        """The capability as the text of a header."""
        payload = base64.urlsafe_b64encode(json.dumps(asdict(capability), separators=(",", ":")).encode())
        return f"{payload.decode()}.{self._mac(payload)}"

    def read(self, text: str, method: str, target: str, now: float) -> Capability:
        """The capability, if it is for this request; `now` in seconds since 1970. Raises CapabilityInvalid."""
        payload, _, mac = text.encode(errors="replace").partition(b".")
        if not hmac.compare_digest(self._mac(payload).encode(), mac):
            raise CapabilityInvalid("it was not made by a gateway of this registry")
        capability = _parsed(json.loads(base64.urlsafe_b64decode(payload)))
        if (capability.method, capability.target) != (method, target):
            raise CapabilityInvalid("it is for another request")
        if capability.expires <= now:
            raise CapabilityInvalid("it has expired")
        return capability

    def _mac(self, payload: bytes) -> str:
        return hmac.digest(self._key, payload, hashlib.sha256).hex()


def _parsed(fields: dict[str, Any]) -> Capability:
    """Only of what was signed here, so its form is ours."""
    return Capability(**(fields | {"actor": Actor(**fields["actor"])}))
