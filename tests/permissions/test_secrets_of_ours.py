"""How secrets look, and the key under which they are kept."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moorage.access.secrets import SecretKind, checksum, mint_secret, secret_kind
from moorage.permissions.adapters.pepper import FilePepper, PepperUnsafe


@pytest.mark.parametrize("kind", list(SecretKind))
def test_a_secret_has_the_published_look(kind: SecretKind) -> None:
    """The pattern that secret scanners know."""
    secret = mint_secret(kind)
    assert re.fullmatch(r"mrg_(pat|rob|ref|svc)_[0-9A-Za-z]{36}", secret)
    assert secret_kind(secret) is kind


def test_the_checksum_is_what_was_published() -> None:
    """CRC-32 in base62, six digits, zero filled; scanners compute the same."""
    assert checksum("mrg_pat_000000000000000000000000000000") == "1Y5ZD3"
    assert secret_kind("mrg_pat_0000000000000000000000000000001Y5ZD3") is SecretKind.PERSONAL


@given(st.integers(0, 43), st.sampled_from("0123456789ABCXYZabcxyz"))
def test_a_slip_of_the_pen_is_no_secret(place: int, character: str) -> None:
    """One wrong character is noticed without asking anybody."""
    secret = mint_secret(SecretKind.PERSONAL)
    slipped = secret[:place] + character + secret[place + 1 :]
    assert (secret_kind(slipped) is None) == (slipped != secret)


@pytest.mark.parametrize("text", ["", "mrg_pat_", "mrg_xyz_" + "0" * 36, "MRG_PAT_" + "0" * 36, "é" * 44, "a\n" * 22])
def test_other_texts_are_no_secrets(text: str) -> None:
    """Whatever they are."""
    assert secret_kind(text) is None


def test_the_key_is_made_once_for_its_owner_only(tmp_path: Path) -> None:
    """And is the same at the next start (R148)."""
    one, other = FilePepper.open(tmp_path / "secrets"), FilePepper.open(tmp_path / "secrets")
    assert one.digest("x") == other.digest("x")
    (file,) = (tmp_path / "secrets").iterdir()
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_key_that_others_can_read_is_refused(tmp_path: Path) -> None:
    """So is one that is no key (R150)."""
    FilePepper.open(tmp_path)
    (file,) = tmp_path.iterdir()
    file.chmod(0o644)
    with pytest.raises(PepperUnsafe):
        FilePepper.open(tmp_path)
    file.chmod(0o600)
    file.write_bytes(b"short")
    with pytest.raises(PepperUnsafe):
        FilePepper.open(tmp_path)


def test_the_key_is_not_shown(tmp_path: Path) -> None:
    """Not in a representation either (R145)."""
    pepper = FilePepper(b"s3cr3t" * 6)
    assert "s3cr3t" not in repr(pepper)
