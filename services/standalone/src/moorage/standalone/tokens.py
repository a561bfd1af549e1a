"""The demo users' personal tokens: minted once with the operator's right, kept in a file for people and scripts."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final, Protocol

from moorage.access import wire
from moorage.access.problems import CredentialUnknown
from moorage.runtime import private_file
from moorage.standalone.data_folder import usable

TOKEN_NAME: Final = "demo"  # noqa: S105 - what the token is called, not its secret
TOKEN_DAYS: Final = 365


class TokenAuthority(Protocol):
    """The part of the authority that knows credentials; permissions has it."""

    async def authenticate(self, request: wire.AuthenticateRequest) -> wire.AuthenticateAnswer:
        """Whose secret this is. Raises CredentialUnknown."""
        ...

    async def create_token(self, request: wire.CreateTokenRequest) -> wire.CreateTokenAnswer:
        """Mints a token; the answer alone holds its secret."""
        ...


class DemoTokens:
    """Mints what is missing, as the operator, and writes the file if anything in it changed."""

    def __init__(self, authority: TokenAuthority, operator_secret: str, file: Path) -> None:
        self._authority = authority
        self._operator_secret = operator_secret
        self._file = file

    async def ensure(self, registry: str, workspace: str, accounts: Iterable[str]) -> bool:
        """Whether tokens had to be minted. Afterwards each account has one in the file that is accepted.

        Raises CredentialUnknown if the operator's secret isn't one, DataFolderUnusable.
        """
        before = private_file.read(self._file)
        users = before.get("users")
        kept: dict[str, Any] = users if isinstance(users, dict) else {}
        entries = {account: await self._accepted(kept.get(account), account) for account in accounts}
        missing = [account for account, entry in entries.items() if entry is None]
        for account in missing:
            entries[account] = {"username": account, "token": await self._mint(account)}
        after = {"registry": registry, "workspace": workspace, "users": entries}
        if after != before:
            with usable(self._file):
                private_file.write(self._file, after)
        return bool(missing)

    async def _accepted(self, entry: Any, account: str) -> dict[str, str] | None:
        secret = entry.get("token") if isinstance(entry, dict) else None
        if not isinstance(secret, str) or len(secret) > 256:
            return None
        try:
            answer = await self._authority.authenticate(wire.AuthenticateRequest(secret=secret))
        except CredentialUnknown:
            return None
        return {"username": account, "token": secret} if answer.account == account else None

    async def _mint(self, account: str) -> str:
        operator = await self._authority.authenticate(wire.AuthenticateRequest(secret=self._operator_secret))
        request = wire.CreateTokenRequest(
            identity=operator.identity, user=account, spec=wire.TokenSpec(name=TOKEN_NAME, days=TOKEN_DAYS)
        )
        return (await self._authority.create_token(request)).secret
