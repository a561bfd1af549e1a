"""What a service that runs apart says when it can't start with what it was given: two sentences and no traceback."""

from pathlib import Path

import pytest

from servers.registry import moorage

NOWHERE = "postgresql://moorage@127.0.0.1:1/moorage"


def _pepper_for_all(folder: Path) -> dict[str, str]:
    pepper = folder / "credentials.pepper"
    pepper.write_bytes(b"k" * 32)
    pepper.chmod(0o644)
    return {"MOORAGE_PERMISSIONS_DATABASE_URL": NOWHERE, "MOORAGE_PERMISSIONS_SECRETS_DIR": str(folder)}


def _no_key(folder: Path) -> dict[str, str]:
    key = folder / "bearer-1.pem"
    key.write_text("no key", encoding="utf-8")
    key.chmod(0o600)
    return {"MOORAGE_GATEWAY_SECRETS_DIR": str(folder), "MOORAGE_GATEWAY_PUBLIC_PORT": "0"}


@pytest.mark.parametrize(
    ("service", "given", "said"),
    [
        ("permissions", _pepper_for_all, "must be readable by its owner only"),
        ("gateway", _no_key, "holds no key in PEM form"),
        ("storage", lambda folder: {"MOORAGE_STORAGE_DATABASE_URL": NOWHERE}, "PostgreSQL cannot be reached"),
        ("storage", lambda folder: {}, "MOORAGE_STORAGE_DATABASE_URL"),
        ("permissions", lambda folder: {}, "MOORAGE_PERMISSIONS_DATABASE_URL"),
    ],
    ids=["open-pepper", "no-key", "no-database", "storage-unset", "permissions-unset"],
)
async def test_a_service_says_what_is_wrong(service: str, given: object, said: str, tmp_path: Path) -> None:
    """The message names the file or variable, and the next line what to do."""
    assert callable(given)
    outcome = await moorage(service, environment=given(tmp_path))
    assert outcome.code in (1, 2, 3)
    assert said in outcome.stderr
    assert "Traceback" not in outcome.stderr
    assert "bug" not in outcome.stderr
