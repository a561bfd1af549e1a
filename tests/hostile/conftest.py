"""One real registry for all attacks, with its log at debug: afterwards nothing of them may be left in it."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from hostile.attacker import Attacker
from servers.registry import StandaloneRegistry


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandaloneRegistry]:
    """A process of its own, so it outlives the event loop of every single test. Whatever may be served is."""
    folder = tmp_path_factory.mktemp("hostile")
    registry = StandaloneRegistry(folder, "--log-level", "debug")
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("MOORAGE_GATEWAY_CATALOG", "true")
        asyncio.run(registry.start())
    try:
        yield registry
    finally:
        asyncio.run(registry.stop())


@pytest.fixture(scope="session")
def attacker(registry: StandaloneRegistry) -> Attacker:
    """Who attacks it."""
    return Attacker(registry)


@pytest.fixture(autouse=True, scope="module")
def _silent_log(registry: StandaloneRegistry, attacker: Attacker) -> Iterator[None]:
    """After each file: no traceback, and no secret of anybody (R132, R145)."""
    log = registry.credentials.parent / "serve.log"
    start = log.stat().st_size
    yield
    _assert_silent(log, start, attacker)


def _assert_silent(log: Path, start: int, attacker: Attacker) -> None:
    written = log.read_bytes()[start:].decode(errors="replace")
    assert "Traceback" not in written, written[written.index("Traceback") - 2000 :][:6000]
    for secret in (*attacker.secrets.values(), "eyJ"):
        assert secret not in written, f"a secret is in the log, near {written.index(secret)}"
