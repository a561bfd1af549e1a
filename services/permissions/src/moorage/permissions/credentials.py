"""Credentials: whose secret this is, and personal tokens made, listed and revoked."""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID, uuid4

from moorage.access import wire
from moorage.access.audit import Deed
from moorage.access.frames import EntityKind
from moorage.access.principal import ALL_SCOPES, Identity, PrincipalKind
from moorage.access.problems import CredentialUnknown, Forbidden, InputInvalid, NotFound, TooManyRequests
from moorage.access.reason import Reason
from moorage.access.secrets import SecretKind, mint_secret, secret_kind
from moorage.permissions import rows
from moorage.permissions.audited import About, audited
from moorage.permissions.bodies import identity_of, token_body
from moorage.permissions.failed_logins import FailedLogins
from moorage.permissions.ports import Change, Deciding, Ledger, Pepper
from moorage.permissions.records import Credential, User
from moorage.permissions.slots import Entity
from moorage.runtime.clock import Clock

OPERATOR: Final = "operator"


class Authentication:
    """Knows whose secret something is."""

    def __init__(self, ledger: Ledger, pepper: Pepper, clock: Clock) -> None:
        self._ledger = ledger
        self._pepper = pepper
        self._clock = clock
        self._failures = FailedLogins()

    async def authenticate(self, request: wire.AuthenticateRequest) -> wire.AuthenticateAnswer:
        """The identity. Raises CredentialUnknown, the same for unknown, revoked, expired and disabled.

        TooManyRequests if it was shown under a name and from an address that have failed too often, whatever gateway.
        """
        if request.most_failures is None:
            credential = await self.credential(request.secret)
        else:
            credential = await self._counted(request, request.most_failures)
        return wire.AuthenticateAnswer(
            identity=wire.IdentityBody.of(identity_of(credential)), account=credential.account
        )

    async def _counted(self, request: wire.AuthenticateRequest, most: int) -> Credential:
        key, now = (request.user, request.address), self._clock.monotonic()
        try:
            return await self.credential(request.secret)
        except CredentialUnknown as unknown:
            # A right secret is never refused for what others show under the same name, or from behind one address.
            if self._failures.too_many(key, most, now):
                raise TooManyRequests("too many failed logins; try again in a minute") from unknown
            self._failures.note(key, now)
            raise

    async def credential(self, secret: str) -> Credential:
        """The usable credential with this secret. Raises CredentialUnknown, without a query for a malformed one."""
        if secret_kind(secret) is None:
            raise CredentialUnknown("this is not a valid credential")
        async with self._ledger.viewing() as view:
            credential = await view.credentials.by_digest(self._pepper.digest(secret))
        if credential is None or not credential.usable(self._clock.now()):
            raise CredentialUnknown("this is not a valid credential")
        return credential


class Tokens:
    """Personal tokens."""

    def __init__(self, ledger: Ledger, pepper: Pepper, clock: Clock) -> None:
        self._ledger = ledger
        self._pepper = pepper
        self._clock = clock

    async def create(self, request: wire.CreateTokenRequest) -> wire.CreateTokenAnswer:
        """A token for who asks, never wider or longer than the credential shown; for anyone, if the operator asks."""
        identity, now = request.identity.value(), self._clock.now()
        if not request.spec.name.isprintable():
            raise InputInvalid("a token's name is printable")
        async with self._ledger.changing() as change:
            change.log.by = str(identity.principal)
            user = await self._owner(change, identity, request.user)
            if not user.active:
                raise Forbidden("the account is not active", reason=Reason.PRINCIPAL_INACTIVE.value)
            entity, decided_at = Entity(EntityKind.CREDENTIAL, None, uuid4()), change.log.token
            alias = (await change.facts.intern([entity]))[entity]
            credential = _minted(alias, entity.id, user, request.spec, identity, now)
            secret = mint_secret(SecretKind.PERSONAL)
            await change.credentials.add(credential, self._pepper.digest(secret))
            change.log.append(rows.credential_row(alias, user.alias, True, credential.expires))
            said = {"token": credential.id, "user": user.id, "scopes": " ".join(sorted(credential.scopes))}
            decision = await audited(change, request.identity, Deed.CREATE_TOKEN, About(""), decided_at, now, said)
            position = str(change.log.token)
            told = wire.CreateTokenAnswer(token=token_body(credential), secret=secret, consistency_token=position)
            return told.by(decision)

    async def list(self, request: wire.ListTokensRequest) -> wire.ListTokensAnswer:
        """All tokens of who asks, or of `user` for the operator. Raises Forbidden, NotFound."""
        async with self._ledger.viewing() as view:
            user = await self._owner(view, request.identity.value(), request.user)
            return wire.ListTokensAnswer(tokens=[token_body(each) for each in await view.credentials.of_user(user.id)])

    async def revoke(self, request: wire.RevokeTokenRequest) -> wire.RevokeTokenAnswer:
        """Ends a token; again has no effect. Raises NotFound, also for somebody else's."""
        identity = request.identity.value()
        async with self._ledger.changing() as change:
            change.log.by = str(identity.principal)
            credential = await change.credentials.by_id(request.token)
            if credential is None or credential.user is None or not await self._may_end(change, identity, credential):
                raise NotFound("no token with this id is yours")
            said = {"token": credential.id, "user": credential.user}
            now, decided_at = self._clock.now(), change.log.token
            decision = await audited(change, request.identity, Deed.REVOKE_TOKEN, About(""), decided_at, now, said)
            if await change.credentials.revoke(credential.id):
                user = await change.hierarchy.user(credential.user)
                usr = user.alias if user else 0
                change.log.append(rows.credential_row(credential.alias, usr, False, credential.expires))
            return wire.RevokeTokenAnswer(consistency_token=str(change.log.token)).by(decision)

    async def _may_end(self, view: Deciding, identity: Identity, credential: Credential) -> bool:
        """The owner and the operator may. Raises Forbidden to a weaker token: a leaked one locks nobody out."""
        if await is_operator(view, identity, self._clock.now()):
            return True
        if identity.principal.kind is not PrincipalKind.USER or identity.principal.id != credential.user:
            return False
        await self._still_usable(view, identity)
        if identity.credential != credential.id and not credential.scopes <= identity.scopes:
            message = "a token ends itself and those that can do no more than it; use one with all scopes of this one"
            raise Forbidden(message, reason=Reason.SCOPE.value)
        return True

    async def _owner(self, view: Deciding, identity: Identity, wanted: str | None) -> User:
        """The user whose tokens are meant. Raises Forbidden, NotFound."""
        if await is_operator(view, identity, self._clock.now()):
            if wanted is None:
                raise InputInvalid("say whose token: user is missing")
            return await find_user(view, wanted)
        if identity.principal.kind is not PrincipalKind.USER or identity.principal.id is None:
            raise Forbidden("only users have tokens; log in as one", reason=_reason_of(identity).value)
        await self._still_usable(view, identity)
        user = await view.hierarchy.user(identity.principal.id)
        if user is None:
            raise NotFound("no fact has announced this user yet")
        if wanted is not None and wanted not in (user.account, str(user.id)):
            raise Forbidden("only the operator may see to somebody else's tokens", reason=Reason.NOT_ADMIN.value)
        return user

    async def _still_usable(self, view: Deciding, identity: Identity) -> None:
        if identity.credential is None:
            return
        credential = await view.credentials.by_id(identity.credential)
        if credential is None or not credential.usable(self._clock.now()):
            raise Forbidden("the credential was revoked", reason=Reason.CREDENTIAL_REVOKED.value)


async def is_operator(view: Deciding, identity: Identity, now: datetime) -> bool:
    """Whether `identity` shows the operator's credential, now."""
    if identity.principal.kind is not PrincipalKind.SERVICE or identity.credential is None:
        return False
    credential = await view.credentials.by_id(identity.credential)
    return credential is not None and credential.operator and credential.usable(now)


async def find_user(view: Deciding, wanted: str) -> User:
    """The user of this account name or UUID. Raises NotFound."""
    try:
        user = await view.hierarchy.user(UUID(wanted))
    except ValueError:
        user = await view.hierarchy.user_by_account(wanted)
    if user is None:
        raise NotFound("no such user")
    return user


async def mint_service(change: Change, pepper: Pepper, name: str, now: datetime) -> tuple[Credential, str]:
    """A new service credential and its secret."""
    entity = Entity(EntityKind.CREDENTIAL, None, uuid4())
    alias = (await change.facts.intern([entity]))[entity]
    credential = Credential(
        alias=alias,
        id=entity.id,
        kind=PrincipalKind.SERVICE,
        user=None,
        name=name,
        scopes=frozenset(),
        bound=None,
        granted_role=None,
        operator=name == OPERATOR,
        active=True,
        expires=None,
        created_at=now,
    )
    secret = mint_secret(SecretKind.SERVICE)
    await change.credentials.add(credential, pepper.digest(secret))
    change.log.append(rows.credential_row(alias, 0, True, None))
    return credential, secret


def _minted(alias: int, id: UUID, user: User, spec: wire.TokenSpec, identity: Identity, now: datetime) -> Credential:
    expires = now + timedelta(days=spec.days) if spec.days else None
    own = identity.principal.kind is PrincipalKind.USER
    if own and identity.expires:
        expires = min(expires, identity.expires) if expires else identity.expires
    return Credential(
        alias=alias,
        id=id,
        kind=PrincipalKind.USER,
        user=user.id,
        name=spec.name,
        scopes=spec.scopes & (identity.scopes if own else ALL_SCOPES),
        bound=identity.bound if own else None,
        granted_role=None,
        operator=False,
        active=True,
        expires=expires,
        created_at=now,
        account=user.account,
    )


def _reason_of(identity: Identity) -> Reason:
    anonymous = identity.principal.kind is PrincipalKind.ANONYMOUS
    return Reason.UNAUTHENTICATED if anonymous else Reason.NOT_ADMIN
