"""Whoever owns the file with the operator's secret is the operator: a lost secret is made anew, and never two count."""

import asyncio
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from moorage.access import wire
from moorage.access.problems import CredentialUnknown
from moorage.access.secrets import SecretKind, mint_secret
from moorage.permissions.app import Permissions
from moorage.permissions.memory.ledger import MemoryLedger
from moorage.permissions.ports import Ledger
from moorage.permissions.postgres.ledger import PostgresLedger
from moorage.runtime import private_file
from permissions.conftest import service_over
from permissions.sample_facts import user, workspace


async def accepted(permissions: Permissions, secret: str) -> bool:
    """Whether the secret opens anything."""
    try:
        await permissions.authority.authenticate(wire.AuthenticateRequest(secret=secret))
    except CredentialUnknown:
        return False
    return True


def replace(file: Path, content: dict[str, object] | None) -> None:
    """Puts something else into the file, or takes the file away."""
    file.unlink()
    if content is not None:
        private_file.write(file, content)


class OperatorOverALedger:
    """Give it `ledger`, an empty one."""

    @pytest.fixture
    def ledger(self) -> Ledger:
        """The ledger."""
        raise NotImplementedError

    @pytest.fixture
    def permissions(self, ledger: Ledger) -> Permissions:
        """The service over it."""
        return service_over(ledger)

    @pytest.fixture
    def file(self, tmp_path: Path) -> Path:
        """Where the secret is kept."""
        return tmp_path / "operator.json"

    async def test_the_operator_is_made_once(self, permissions: Permissions, file: Path) -> None:
        """The file has the secret from the first start on, and the next starts find it there."""
        secret = await permissions.operator(file)
        assert private_file.read(file) == {"username": "operator", "secret": secret}
        assert await permissions.operator(file) == secret
        assert await accepted(permissions, secret)
        assert not await accepted(permissions, mint_secret(SecretKind.SERVICE))

    @pytest.mark.parametrize(
        "content",
        [None, {}, {"secret": 7}, {"secret": "mrg_svc_x"}, {"secret": mint_secret(SecretKind.SERVICE)}],
        ids=["missing", "empty", "number", "malformed", "foreign"],
    )
    async def test_a_lost_secret_is_made_anew(
        self, permissions: Permissions, file: Path, content: dict[str, object] | None
    ) -> None:
        """The old one opens nothing any more, which the log says; facts by hand go on where they were."""
        old = await permissions.operator(file)
        await permissions.ingest([workspace()])
        replace(file, content)
        with capture_logs() as logs:
            new = await permissions.operator(file)
        assert [entry["log_level"] for entry in logs] == ["warning"]
        assert new not in str(logs)
        assert private_file.read(file)["secret"] == new
        assert not await accepted(permissions, old)
        assert await accepted(permissions, new)
        assert (await permissions.ingest([workspace()])).unchanged == 1

    async def test_another_secret_of_ours_makes_nobody_operator(self, permissions: Permissions, file: Path) -> None:
        """A user's token that somebody put into the file stays a user's token."""
        secret = await permissions.operator(file)
        await permissions.ingest([user("bob")])
        operator = (await permissions.authority.authenticate(wire.AuthenticateRequest(secret=secret))).identity
        mint = wire.CreateTokenRequest(identity=operator, user="bob", spec=wire.TokenSpec(name="x"))
        token = (await permissions.authority.create_token(mint)).secret
        private_file.write(file, {"secret": token})
        assert await permissions.operator(file) not in (secret, token)
        assert await accepted(permissions, token)

    async def test_of_several_first_starts_one_makes_it(self, permissions: Permissions, file: Path) -> None:
        """The others find what it has kept."""
        secrets = await asyncio.gather(*(permissions.operator(file) for _ in range(5)))
        assert len(set(secrets)) == 1
        assert await accepted(permissions, secrets[0])

    async def test_what_can_not_be_kept_is_not_made(self, permissions: Permissions, tmp_path: Path) -> None:
        """A folder that can't be written ends the start; the secret of before still counts."""
        secret = await permissions.operator(tmp_path / "operator.json")
        (tmp_path / "file").touch()
        with pytest.raises(OSError):
            await permissions.operator(tmp_path / "file" / "operator.json")
        assert await accepted(permissions, secret)


class TestOperatorOverMemory(OperatorOverALedger):
    """Over memory."""

    @pytest.fixture
    def ledger(self) -> Ledger:
        """See above."""
        return MemoryLedger()


class TestOperatorOverPostgres(OperatorOverALedger):
    """Over PostgreSQL."""

    @pytest.fixture
    def ledger(self, postgres_ledger: PostgresLedger) -> Ledger:
        """See above."""
        return postgres_ledger
