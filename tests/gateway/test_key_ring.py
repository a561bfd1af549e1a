"""The signing keys: made once, kept private, rotated without a restart (R56, R58, R148, R150)."""

from datetime import timedelta
from pathlib import Path

import pytest
from joserfc.jwk import ECKey, RSAKey

from gateway.village_order import beginning
from moorage.access.principal import NOBODY
from moorage.gateway.keys import KeyRing, KeysUnusable
from moorage.gateway.tokens import BearerTokens, TokenInvalid
from moorage.runtime.clock import FixedClock


@pytest.fixture
def clock() -> FixedClock:
    """Stands still until a test moves it."""
    return FixedClock(beginning())


def write(folder: Path, name: str, content: bytes, mode: int = 0o600) -> Path:
    """A key file."""
    path = folder / name
    path.write_bytes(content)
    path.chmod(mode)
    return path


def test_the_first_start_makes_a_key_that_only_its_owner_can_read(tmp_path: Path, clock: FixedClock) -> None:
    """In a folder that did not exist; its id is the key's thumbprint (RFC 7638)."""
    folder = tmp_path / "secrets"
    kid, key = KeyRing(folder, clock).signing
    (file,) = folder.iterdir()
    assert file.stat().st_mode & 0o777 == 0o600
    assert folder.stat().st_mode & 0o777 == 0o700
    assert kid == key.thumbprint()


def test_the_next_start_takes_the_same_key(tmp_path: Path, clock: FixedClock) -> None:
    """Tokens outlive a restart."""
    assert KeyRing(tmp_path, clock).signing[0] == KeyRing(tmp_path, clock).signing[0]


def test_the_newest_signs_and_all_verify(tmp_path: Path, clock: FixedClock) -> None:
    """A token of the old key is good while its file is there."""
    old = BearerTokens(KeyRing(tmp_path, clock), "i", "a", 300).issue(NOBODY, {}, clock.now())
    newer = write(tmp_path, "bearer-29990101T000000-x.pem", ECKey.generate_key("P-256").as_pem(private=True))
    ring = KeyRing(tmp_path, clock)
    assert ring.signing[0] == ECKey.import_key(newer.read_bytes()).thumbprint()
    assert BearerTokens(ring, "i", "a", 300).verify(old.text, clock.now())


def test_a_key_that_came_later_is_found_without_a_restart(tmp_path: Path, clock: FixedClock) -> None:
    """An unknown id makes the folder be read again, but not more often than every 30 seconds."""
    ring = KeyRing(tmp_path, clock)
    key = ECKey.generate_key("P-256")
    write(tmp_path, "bearer-29990101T000000-x.pem", key.as_pem(private=True))
    assert ring.find(key.thumbprint()) is None
    clock.advance(timedelta(seconds=30))
    assert ring.find(key.thumbprint()) is not None
    assert ring.find("unknown") is None


def test_tokens_of_a_key_that_was_removed_are_refused(tmp_path: Path, clock: FixedClock) -> None:
    """Also those that were verified before."""
    ring = KeyRing(tmp_path, clock)
    tokens = BearerTokens(ring, "i", "a", 3600)
    token = tokens.issue(NOBODY, {}, clock.now()).text
    tokens.verify(token, clock.now())
    for file in tmp_path.iterdir():
        file.unlink()
    write(tmp_path, "bearer-29990101T000000-x.pem", ECKey.generate_key("P-256").as_pem(private=True))
    clock.advance(timedelta(seconds=30))
    ring.find("unknown")
    with pytest.raises(TokenInvalid):
        tokens.verify(token, clock.now())


@pytest.mark.parametrize(
    ("content", "mode"),
    [
        (ECKey.generate_key("P-256").as_pem(private=True), 0o604),
        (ECKey.generate_key("P-256").as_pem(private=False), 0o600),
        (ECKey.generate_key("P-384").as_pem(private=True), 0o600),
        (RSAKey.generate_key(2048).as_pem(private=True), 0o600),
        (b"no key at all", 0o600),
        (b"", 0o600),
    ],
    ids=["readable by others", "public only", "another curve", "RSA", "no PEM", "empty"],
)
def test_a_key_that_is_weak_or_unreadable_stops_the_start(
    tmp_path: Path, clock: FixedClock, content: bytes, mode: int
) -> None:
    """The message names the file and nothing of what is in it."""
    write(tmp_path, "bearer-1.pem", content, mode)
    with pytest.raises(KeysUnusable) as refusal:
        KeyRing(tmp_path, clock)
    assert "bearer-1.pem" in str(refusal.value)
    assert "BEGIN" not in str(refusal.value)
