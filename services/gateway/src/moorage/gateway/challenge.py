"""What a 401 says: where to get a token, and for what (RFC 6750 §3; protocol.md §3, 1; R65).

Realm and service are configuration. The scope comes from the parsed request. Nothing comes from `Host`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from moorage.access.reason import Reason
from moorage.oci.errors import Unauthenticated


class Fault(StrEnum):
    """Why a bearer token that was shown is not enough."""

    INSUFFICIENT_SCOPE = "insufficient_scope"
    INVALID_TOKEN = "invalid_token"  # noqa: S105 - the word of RFC 6750, not a secret


@dataclass(frozen=True, slots=True)
class Challenge:
    """The challenges of one registry: `realm` is the address of its token endpoint."""

    realm: str
    service: str

    def bearer(self, message: str, scopes: Iterable[str] = (), fault: Fault | None = None) -> Unauthenticated:
        """The refusal that asks for a bearer token with `scopes`."""
        parts = {"realm": self.realm, "service": self.service}
        if scope := " ".join(scopes):
            parts["scope"] = scope
        if fault:
            parts["error"] = fault.value
        reason = Reason.SCOPE if fault is Fault.INSUFFICIENT_SCOPE else Reason.UNAUTHENTICATED
        detail = {"reason": reason.value}
        return Unauthenticated(message, detail=detail, headers={"WWW-Authenticate": f"Bearer {_parameters(parts)}"})

    def basic(self, message: str) -> Unauthenticated:
        """The refusal of the token endpoint."""
        header = f"Basic {_parameters({'realm': self.service, 'charset': 'UTF-8'})}"
        return Unauthenticated(message, headers={"WWW-Authenticate": header})


def _parameters(parts: dict[str, str]) -> str:
    return ",".join(f"{name}={_quoted(text)}" for name, text in parts.items())


def _quoted(text: str) -> str:
    """A quoted-string of RFC 9110 §5.6.4; what can't stand in one is left out, so no header is ever split."""
    kept = "".join(c for c in text if " " <= c <= "~")
    return '"' + kept.replace("\\", "\\\\").replace('"', '\\"') + '"'
