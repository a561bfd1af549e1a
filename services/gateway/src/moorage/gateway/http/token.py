"""`/token`: identity for credentials (protocol.md §3; R48-R54, R60). No role and no image is looked at.

GET with the credential as Basic, or POST with a form. The answer says who asks, and as an upper bound what the
credential may ever be used for; `account` and `client_id` are information only and change nothing (R52).
"""

from typing import Final
from urllib.parse import parse_qsl

from aiohttp import web

from moorage.access.principal import ANONYMOUS, Identity, Scope
from moorage.access.problems import CredentialUnknown
from moorage.distribution.errors import render_registry_errors
from moorage.gateway import authorization_header as header
from moorage.gateway import scopes
from moorage.gateway.challenge import Challenge
from moorage.gateway.credentials import Credentials, Shown
from moorage.gateway.http import body
from moorage.gateway.http.address import client_of
from moorage.gateway.http.throttle import Throttle
from moorage.gateway.scopes import Grants, ScopeMalformed
from moorage.gateway.tokens import BearerToken, BearerTokens, TokenTooLong
from moorage.oci.errors import ParameterInvalid, SizeInvalid
from moorage.runtime.clock import Clock

MAX_FORM_BYTES: Final = 64 * 1024
MAX_FIELDS: Final = 200
_FORM: Final = "application/x-www-form-urlencoded"
_WRONG: Final = "the credential is not known; create a token and use it as the password"
_STRANGER: Final = Identity(ANONYMOUS, scopes=frozenset({Scope.READ}))

Parameters = list[tuple[str, str]]


class TokenEndpoint:
    """Issues bearer tokens."""

    def __init__(
        self,
        tokens: BearerTokens,
        credentials: Credentials,
        challenge: Challenge,
        clock: Clock,
        throttle: Throttle,
        *,
        catalog: bool = False,
    ) -> None:
        self._tokens = tokens
        self._credentials = credentials
        self._challenge = challenge
        self._clock = clock
        self._throttle = throttle
        self._catalog = catalog

    def add_to(self, app: web.Application) -> None:
        """Serves `/token`; failures are answered in the form of the distribution specification."""

        async def get(request: web.Request) -> web.StreamResponse:
            return await render_registry_errors(request, self._get)

        async def post(request: web.Request) -> web.StreamResponse:
            return await render_registry_errors(request, self._post)

        app.router.add_get("/token", get, allow_head=False)
        app.router.add_post("/token", post)

    async def _get(self, request: web.Request) -> web.StreamResponse:
        parameters = list(request.query.items())
        identity = await self._identity(self._shown(request), request)
        token, _ = self._issue(identity, parameters)
        return _answer(token, {})

    async def _post(self, request: web.Request) -> web.StreamResponse:
        parameters = await _form(request)
        identity = await self._identity(self._shown_in(parameters), request)
        token, granted = self._issue(identity, parameters)
        return _answer(token, {"scope": " ".join(scopes.spell(name, granted[name]) for name in sorted(granted))})

    def _issue(self, identity: Identity, parameters: Parameters) -> tuple[BearerToken, Grants]:
        try:
            asked = scopes.parse(value for name, value in parameters if name == "scope")
            granted = scopes.grant(asked, identity.scopes, catalog=self._catalog)
            return self._tokens.issue(identity, granted, self._clock.now()), granted
        except (ScopeMalformed, TokenTooLong) as error:
            raise ParameterInvalid(str(error)) from error

    def _shown(self, request: web.Request) -> header.Basic | None:
        values = request.headers.getall("Authorization", [])
        if not values:
            return None
        try:
            shown = header.parse(values[0])
        except header.HeaderMalformed as error:
            raise self._challenge.basic(f"the Authorization header can't be read: {error}") from error
        if len(values) > 1 or not isinstance(shown, header.Basic):
            raise self._challenge.basic("the token endpoint takes a credential as Basic, and no bearer token")
        return shown

    def _shown_in(self, parameters: Parameters) -> header.Basic:
        form = _single(parameters)
        match form.get("grant_type"):
            case "password" if "password" in form:
                return header.Basic(form.get("username", ""), form["password"])
            case "password":
                raise ParameterInvalid("grant_type=password needs username and password")
            case "refresh_token":
                raise self._challenge.basic("the refresh token is not known; log in with a password")
            case None:
                raise ParameterInvalid("grant_type is missing; it is password here, or use GET with Basic")
            case _:
                raise ParameterInvalid("this grant_type is not supported; use password, or GET with Basic")

    async def _identity(self, shown: header.Basic | None, request: web.Request) -> Identity:
        if shown is None:
            return _STRANGER
        try:
            identity = await self._credentials.identify(Shown(shown.secret, shown.user, client_of(request)))
        except CredentialUnknown as error:
            raise self._challenge.basic(_WRONG) from error
        self._throttle.count(request, identity.principal)
        return identity


def _single(parameters: Parameters) -> dict[str, str]:
    """The fields but `scope`, which some clients repeat; no other may say two things (RFC 6749 §3.2)."""
    fields = {(name, value) for name, value in parameters if name != "scope"}
    form = dict(fields)
    if len(form) != len(fields):
        raise ParameterInvalid("a field of the form stands twice, with different values")
    return form


async def _form(request: web.Request) -> Parameters:
    try:
        text = (await body.read(request, MAX_FORM_BYTES, _FORM)).decode()
        return parse_qsl(text, keep_blank_values=True, max_num_fields=MAX_FIELDS)
    except body.BodyRefused as error:
        refusal = SizeInvalid(str(error)) if error.status == 413 else ParameterInvalid(str(error))
        refusal.status = error.status
        raise refusal from error
    except ValueError as error:
        raise ParameterInvalid("the body is not a form") from error


def _answer(token: BearerToken, more: dict[str, str]) -> web.Response:
    document = {
        "token": token.text,
        "access_token": token.text,
        "expires_in": token.seconds,
        "issued_at": token.issued_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        **more,
    }
    return web.json_response(document, headers={"Cache-Control": "no-store", "Pragma": "no-cache"})
