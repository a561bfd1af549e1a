"""Who makes a request, and the upper bound that came with it."""

from dataclasses import dataclass

from moorage.access.action import Action
from moorage.access.principal import NOBODY, Identity, PrincipalKind, scopes_open
from moorage.gateway import scopes
from moorage.gateway.scopes import Grants


@dataclass(frozen=True, slots=True)
class Caller:
    """An identity; with a bearer token also what the token may be used for, which is never more than a bound."""

    identity: Identity
    grants: Grants | None = None

    @property
    def anonymous(self) -> bool:
        """Whether nobody we know asks: no credential, or an anonymous token."""
        return self.identity.principal.kind is PrincipalKind.ANONYMOUS

    @property
    def by_token(self) -> bool:
        """Whether a bearer token was shown."""
        return self.grants is not None

    def mentions(self, name: str) -> bool:
        """Whether the bearer token has an entry for the name, be it an empty one."""
        return self.grants is None or name in self.grants

    def covers(self, name: str, action: Action) -> bool:
        """Whether what was shown may ever be used for this: decided on the text, before any look-up (V5).

        A secret that is shown directly covers what a token got with it would (R60).
        """
        if self.anonymous and action is not Action.PULL:
            return False
        if self.grants is not None:
            return scopes.word(action) in self.grants.get(name, ())
        return self.anonymous or scopes_open(self.identity.scopes, action)


STRANGER = Caller(NOBODY)
