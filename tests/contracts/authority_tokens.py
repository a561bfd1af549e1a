"""Secrets and personal tokens."""

from uuid import uuid4

import pytest

from contracts.authority_site import ANYBODY, OverASite, Site
from moorage.access import wire
from moorage.access.action import Action
from moorage.access.consistency import ConsistencyToken
from moorage.access.principal import Identity, Principal, PrincipalKind, Scope
from moorage.access.problems import CredentialUnknown, Forbidden, NotFound
from moorage.access.reason import Reason
from moorage.access.secrets import SecretKind, mint_secret
from permissions.sample_facts import (
    credential,
    user,
    uuid_of,
)


class AuthorityOfTokens(OverASite):
    """Secrets and personal tokens."""

    async def test_a_token_says_whose_it_is(self, acme: Site) -> None:
        """Authentication answers the user, the credential and the account."""
        minted = await acme.token("bob", frozenset({Scope.READ}))
        answer = await acme.authority.authenticate(wire.AuthenticateRequest(secret=minted.secret))
        assert answer.account == "bob"
        assert answer.identity.kind is PrincipalKind.USER
        assert answer.identity.id == uuid_of("user", "bob")
        assert answer.identity.credential == minted.token.id
        assert answer.identity.scopes == {Scope.READ}
        assert answer.identity.expires == minted.token.expires

    async def test_a_new_token_has_its_position(self, acme: Site) -> None:
        """Later than all before it: from there on replicas know it."""
        first, second = [(await acme.token("bob")).consistency_token for _ in range(2)]
        assert first is not None
        assert second is not None
        assert ConsistencyToken.parse(first) < ConsistencyToken.parse(second)

    async def test_bad_secrets_look_alike(self, acme: Site) -> None:
        """Unknown, malformed, revoked, and of a disabled user: the same refusal in the same words."""
        revoked, disabled = await acme.token("bob"), await acme.token("rita")
        await acme.authority.revoke_token(
            wire.RevokeTokenRequest(identity=await acme.operator(), token=revoked.token.id)
        )
        await acme.ingest([user("rita", active=False)])
        told = set()
        for secret in (mint_secret(SecretKind.PERSONAL), "hunter2", "", revoked.secret, disabled.secret):
            with pytest.raises(CredentialUnknown) as refused:
                await acme.authority.authenticate(wire.AuthenticateRequest(secret=secret))
            told.add(str(refused.value.body()))
        assert len(told) == 1

    async def test_a_users_token_mints_no_more_than_itself(self, acme: Site) -> None:
        """Neither scopes nor time grow; somebody else's token is not to be had."""
        reader = await acme.login("bob", frozenset({Scope.READ}))
        spec = wire.TokenSpec(name="wider", days=3650)
        minted = await acme.authority.create_token(wire.CreateTokenRequest(identity=reader, spec=spec))
        assert minted.token.scopes == {Scope.READ}
        assert minted.token.expires == reader.expires
        with pytest.raises(Forbidden):
            await acme.authority.create_token(wire.CreateTokenRequest(identity=reader, user="ada", spec=spec))
        with pytest.raises(Forbidden):
            await acme.authority.create_token(wire.CreateTokenRequest(identity=ANYBODY, spec=spec))

    async def test_the_operator_mints_for_known_users_only(self, acme: Site) -> None:
        """By account or uuid."""
        operator = await acme.operator()
        spec = wire.TokenSpec(name="first", days=None)
        for wanted in ("bob", str(uuid_of("user", "bob"))):
            request = wire.CreateTokenRequest(identity=operator, user=wanted, spec=spec)
            assert (await acme.authority.create_token(request)).token.account == "bob"
        with pytest.raises(NotFound):
            await acme.authority.create_token(wire.CreateTokenRequest(identity=operator, user="nobody", spec=spec))

    async def test_a_service_that_only_says_it_is_the_operator_is_not(self, acme: Site) -> None:
        """The credential decides."""
        pretender = wire.IdentityBody.of(Identity(Principal(PrincipalKind.SERVICE, uuid4()), uuid4()))
        with pytest.raises(Forbidden):
            await acme.authority.create_token(
                wire.CreateTokenRequest(identity=pretender, user="bob", spec=wire.TokenSpec(name="x"))
            )

    async def test_the_operator_has_no_right_on_images(self, acme: Site) -> None:
        """Running a site is not owning its images."""
        await acme.image()
        assert not (await acme.check(await acme.operator(), Action.PULL)).readable

    async def test_a_weak_token_ends_itself_and_no_stronger_one(self, acme: Site) -> None:
        """Who finds a read-only token can't lock its owner out with it."""
        strong = await acme.login("bob")
        weak = await acme.login("bob", frozenset({Scope.READ}))
        assert strong.credential
        assert weak.credential
        with pytest.raises(Forbidden):
            await acme.authority.revoke_token(wire.RevokeTokenRequest(identity=weak, token=strong.credential))
        await acme.authority.revoke_token(wire.RevokeTokenRequest(identity=weak, token=weak.credential))
        assert (await acme.authority.list_tokens(wire.ListTokensRequest(identity=strong))).tokens

    async def test_tokens_are_listed_and_revoked_by_their_owner(self, acme: Site) -> None:
        """Newest first; a revoked one is at its end at once, and for others it never was there."""
        bob = await acme.login("bob")
        other = await acme.token("bob")
        listed = await acme.authority.list_tokens(wire.ListTokensRequest(identity=bob))
        assert [token.id for token in listed.tokens] == [other.token.id, bob.credential]
        with pytest.raises(NotFound):
            await acme.authority.revoke_token(
                wire.RevokeTokenRequest(identity=await acme.login("carol"), token=other.token.id)
            )
        for _ in range(2):
            await acme.authority.revoke_token(wire.RevokeTokenRequest(identity=bob, token=other.token.id))
        with pytest.raises(CredentialUnknown):
            await acme.authority.authenticate(wire.AuthenticateRequest(secret=other.secret))

    async def test_a_foreign_credential_that_was_revoked_here_stays_so(self, acme: Site) -> None:
        """By its owner or by the operator; its source may renew it as often as it likes."""
        await acme.image()
        owner, operator = await acme.login("bob"), await acme.operator()
        for name, ends in (("laptop", owner), ("phone", operator)):
            await acme.ingest([credential(name, "bob", version=100)])
            shown = with_credential(name)
            assert (await acme.check(shown, Action.PULL)).reason is Reason.OK
            request = wire.RevokeTokenRequest(identity=ends, token=uuid_of("credential", name))
            await acme.authority.revoke_token(request)
            assert (await acme.check(shown, Action.PULL)).reason is Reason.CREDENTIAL_REVOKED
            for version, scopes in ((101, ["image:write"]), (102, ["image:read"])):
                await acme.ingest([credential(name, "bob", version=version, scopes=scopes)])
                assert (await acme.check(shown, Action.PULL)).reason is Reason.CREDENTIAL_REVOKED


def with_credential(name: str) -> wire.IdentityBody:
    """Bob, with a credential that somebody else has issued."""
    bob = Principal(PrincipalKind.USER, uuid_of("user", "bob"))
    return wire.IdentityBody.of(Identity(bob, uuid_of("credential", name)))
