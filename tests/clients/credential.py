"""A credential that is made to be revoked."""

from dataclasses import dataclass
from typing import Self

from hostile.attacker import Attacker
from servers.registry import Login


@dataclass(frozen=True)
class NewCredential:
    """One more personal token of a user of the demo."""

    login: Login
    id: str
    _attacker: Attacker

    @classmethod
    async def made(cls, attacker: Attacker, user: str) -> Self:
        """Good for a day, if nobody revokes it."""
        spec = {"name": "soon revoked", "days": 1}
        made = await attacker.manage("POST", "/api/v1/tokens", spec, auth=attacker.basic(user))
        assert made.status == 201, made
        return cls(Login(user, made.json["secret"]), made.json["token"]["id"], attacker)

    async def revoke(self) -> None:
        """Ended when this returns, bearer tokens that were got with it included."""
        auth = self._attacker.basic(self.login.username)
        revoked = await self._attacker.manage("DELETE", f"/api/v1/tokens/{self.id}", auth=auth)
        assert revoked.status == 204, revoked
