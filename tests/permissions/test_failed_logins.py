"""Failed logins are counted over all gateways (R141)."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from moorage.access import wire
from moorage.access.problems import CredentialUnknown, TooManyRequests
from moorage.access.secrets import SecretKind, mint_secret
from moorage.permissions.adapters.operator_file import OperatorFile
from moorage.permissions.adapters.pepper import FilePepper
from moorage.permissions.authority import LocalAuthority
from moorage.permissions.failed_logins import FailedLogins
from moorage.permissions.memory.ledger import MemoryLedger
from moorage.permissions.operator import Operator
from moorage.runtime.clock import FixedClock

ALICE = ("alice", "192.0.2.1")


def test_only_those_of_the_last_minute_count() -> None:
    """And each name and address by itself."""
    failures = FailedLogins()
    for second in range(10):
        failures.note(ALICE, second)
    assert failures.too_many(ALICE, 10, 59.0)
    assert not failures.too_many(ALICE, 11, 59.0)
    assert not failures.too_many(ALICE, 10, 60.0)
    assert not failures.too_many(("alice", "192.0.2.2"), 1, 59.0)


def test_memory_is_bounded() -> None:
    """Names are anybody's to choose."""
    failures = FailedLogins(most_keys=2)
    for name in ("a", "b", "c"):
        failures.note((name, ""), 0.0)
    assert not failures.too_many(("a", ""), 1, 0.0)
    assert failures.too_many(("c", ""), 1, 0.0)


async def test_many_gateways_allow_no_more_failures_than_one(tmp_path: Path) -> None:
    """Whichever of them asks: the eleventh is refused. A right secret never is, whatever was shown under its name."""
    ledger, pepper, clock = MemoryLedger(), FilePepper(b"k" * 32), FixedClock(datetime(2026, 11, 30, tzinfo=UTC))
    authority = LocalAuthority(ledger, pepper, clock)
    right = await Operator(ledger, pepper, clock).ensure(OperatorFile(tmp_path / "operator.json"))

    async def login(secret: str, address: str = "192.0.2.1") -> wire.AuthenticateAnswer:
        request = wire.AuthenticateRequest(secret=secret, user="alice", address=address, most_failures=10)
        return await authority.authenticate(request)

    for secret in [mint_secret(SecretKind.PERSONAL), ""] * 5:
        with pytest.raises(CredentialUnknown):
            await login(secret)
    for secret in ("", mint_secret(SecretKind.PERSONAL)):
        with pytest.raises(TooManyRequests):
            await login(secret)
    assert await login(right)
    with pytest.raises(CredentialUnknown):
        await login("", "192.0.2.2")
    clock.advance(timedelta(minutes=1))
    with pytest.raises(CredentialUnknown):
        await login("")
