"""Who calls the internal listener: gateways by the service token, sources and the operator by their credentials."""

import hmac

from aiohttp import web
from pydantic import SecretStr

from moorage.access.principal import PrincipalKind
from moorage.access.problems import CredentialUnknown, Forbidden
from moorage.access.reason import Reason
from moorage.permissions.authority import answering
from moorage.permissions.credentials import Authentication
from moorage.permissions.records import Credential


def bearer(request: web.Request) -> str:
    """The bearer token of a request. Raises CredentialUnknown."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token or len(token) > 4096:
        raise CredentialUnknown("show a credential: Authorization: Bearer …")
    return token.strip()


class GatewayGuard:
    """Lets gateways in. Without a configured token it lets nobody in (R150)."""

    def __init__(self, token: SecretStr | None) -> None:
        self._token = token.get_secret_value().encode() if token else None

    def admit(self, request: web.Request) -> None:
        """Raises CredentialUnknown."""
        shown = bearer(request).encode(errors="surrogateescape")
        if not self._token or not hmac.compare_digest(shown, self._token):
            raise CredentialUnknown("this is not the service token")


class ServiceGuard:
    """Lets service credentials in: the operator's, and those of sources."""

    def __init__(self, authentication: Authentication) -> None:
        self._authentication = authentication

    async def admit(self, request: web.Request) -> Credential:
        """Raises CredentialUnknown; Forbidden for a person's token."""
        with answering():
            credential = await self._authentication.credential(bearer(request))
        if credential.kind is not PrincipalKind.SERVICE:
            raise Forbidden("this needs a service credential, mrg_svc_…", reason=Reason.NOT_ADMIN.value)
        return credential

    async def admit_operator(self, request: web.Request) -> Credential:
        """Raises CredentialUnknown, Forbidden."""
        credential = await self.admit(request)
        if not credential.operator:
            raise Forbidden("only the operator may do this", reason=Reason.NOT_ADMIN.value)
        return credential
