"""Makes bearer tokens older than they are, so that nobody has to wait for their end."""

import json
from base64 import urlsafe_b64decode
from pathlib import Path
from typing import Final

from joserfc import jws

from moorage.gateway.keys import KeyRing
from moorage.runtime.clock import SystemClock

LIFE_SECONDS: Final = 300
LEEWAY_SECONDS: Final = 60


class Aging:
    """Signs with the registry's own key."""

    def __init__(self, secrets: Path) -> None:
        self._keys = KeyRing(secrets, SystemClock())

    def by(self, bearer: str, seconds: int) -> str:
        """The same token, as if it had been issued this much earlier."""
        payload = bearer.split(".")[1]
        claims = json.loads(urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        for time in ("iat", "nbf", "exp"):
            claims[time] -= seconds
        kid, key = self._keys.signing
        header = {"alg": "ES256", "kid": kid, "typ": "JWT"}
        return jws.serialize_compact(header, json.dumps(claims), key, algorithms=["ES256"])
