"""What every operation of the management API does: authenticate, read the body, answer with a position."""

from typing import Final, TypeVar
from uuid import UUID

from aiohttp import web
from pydantic import BaseModel, ConfigDict, ValidationError

from moorage.access.consistency import ConsistencyToken
from moorage.access.principal import NOBODY
from moorage.access.problems import CredentialUnknown, InputInvalid, NotFound
from moorage.access.wire import Changed, IdentityBody
from moorage.distribution.headers import AUTHZ_MIN_TOKEN, AUTHZ_TOKEN, DECISION_ID
from moorage.gateway import authorization_header as header
from moorage.gateway.credentials import Credentials, Shown
from moorage.gateway.follower import Follower
from moorage.gateway.http.body import read_object
from moorage.gateway.http.management.problems import invalid
from moorage.gateway.http.via import via
from moorage.gateway.ports import Authority

MAX_BODY_BYTES: Final = 64 * 1024
Model = TypeVar("Model", bound=BaseModel)


class RequestBody(BaseModel):
    """Base of what is sent: unknown fields are refused, so that none can ever set what it should not (R64)."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class ManagementApi:
    """What the resources share. Everything is decided by the authority at head, so a minimum position is always met."""

    def __init__(
        self,
        authority: Authority,
        follower: Follower,
        credentials: Credentials,
        patience_seconds: float,
    ) -> None:
        self.authority = authority
        self._follower = follower
        self._credentials = credentials
        self._patience_seconds = patience_seconds

    async def caller(self, request: web.Request) -> IdentityBody:
        """Who asks, or nobody. Bearer tokens of the registry are refused: they are for `/v2/` (R60)."""
        _refuse_malformed_minimum(request)
        values = request.headers.getall("Authorization", [])
        shown = _shown(values, request.remote or "") if values else None
        who = IdentityBody.of(await self._credentials.identify(shown) if shown else NOBODY)
        return who.model_copy(update={"via": via(request)})

    async def somebody(self, request: web.Request) -> IdentityBody:
        """Who asks. Raises CredentialUnknown for nobody."""
        if "Authorization" not in request.headers:
            raise CredentialUnknown("log in: send a personal token as Basic password or as Bearer")
        return await self.caller(request)

    async def applied(self, changed: Changed, token: str | None) -> dict[str, str]:
        """The headers that tell of a change, once this gateway enforces it, or after a while (§3.6).

        Its position, and the decision that let it be made.
        """
        decision = {DECISION_ID: str(changed.decision_id)} if changed.decision_id else {}
        if token is None:
            return decision
        await self._follower.reached(ConsistencyToken.parse(token), self._patience_seconds)
        return {AUTHZ_TOKEN: token, **decision}

    def position(self) -> str:
        """Where this gateway's replica stands."""
        replica = self._follower.replica
        return str(replica.position) if replica else "zt1.0.0"


async def read_body(request: web.Request, model: type[Model]) -> Model:
    """The body as `model`. Raises InputInvalid, BodyRefused."""
    try:
        return model.model_validate(await read_object(request, MAX_BODY_BYTES))
    except ValidationError as error:
        raise invalid(error) from error


def read_query(request: web.Request, model: type[Model]) -> Model:
    """The query as `model`; a parameter that stands twice is refused, one that is unknown ignored."""
    names = [field.alias or name for name, field in model.model_fields.items()]
    known = {name: request.query.getall(name) for name in names if name in request.query}
    for name, values in known.items():
        if len(values) > 1:
            raise InputInvalid("a parameter stands twice", errors=[{"at": name, "message": "stands twice"}])
    try:
        return model.model_validate({name: values[0] for name, values in known.items()})
    except ValidationError as error:
        raise invalid(error) from error


def path_id(request: web.Request) -> UUID:
    """The UUID in the path. Raises NotFound: nothing else names anything."""
    try:
        return UUID(request.match_info["id"])
    except ValueError as error:
        raise NotFound("nothing of this id is available to you") from error


def answer(body: BaseModel, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    """`body` as JSON that no proxy keeps."""
    text = body.model_dump_json().encode()
    all_headers = {"Cache-Control": "no-store", **(headers or {})}
    return web.Response(body=text, status=status, content_type="application/json", headers=all_headers)


def _shown(values: list[str], address: str) -> Shown:
    try:
        if len(values) > 1:
            raise header.HeaderMalformed("one credential at a time")
        match header.parse(values[0]):
            case header.Basic(user, secret):
                return Shown(secret, user, address)
            case header.Bearer(text):
                return Shown(text, "", address)
    except header.HeaderMalformed as error:
        raise CredentialUnknown(f"the Authorization header can't be read: {error}") from error


def _refuse_malformed_minimum(request: web.Request) -> None:
    text = request.headers.get(AUTHZ_MIN_TOKEN)
    if text is None:
        return
    try:
        ConsistencyToken.parse(text)
    except ValueError as error:
        raise InputInvalid(str(error), errors=[{"at": AUTHZ_MIN_TOKEN, "message": str(error)}]) from error
