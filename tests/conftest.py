"""Fixtures every test may ask for, and the rule that tests talk to loopback only."""

import ipaddress
import os
import socket
from collections.abc import Generator, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

pytest.register_assert_rewrite("clients", "contracts", "journeys")

# A slow machine is no finding; in CI the same examples on every run, so that a red build is about the change.
settings.register_profile(
    "moorage",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize=os.environ.get("CI") == "true",
)
settings.load_profile("moorage")

_LOG_CHARACTERS = 6000


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """What processes of a failed test wrote last is part of its report: in CI nothing else of it is left."""
    report = yield
    folder = getattr(item, "funcargs", {}).get("tmp_path")
    if report.failed and folder is not None:
        for log in sorted(folder.rglob("*.log")):
            text = log.read_text(encoding="utf-8", errors="replace")
            report.sections.append((f"{log.relative_to(folder)}, its end", text[-_LOG_CHARACTERS:]))
    return report


pytest_plugins = ["servers.fixtures", "servers.postgres_fixtures", "servers.seaweed_fixtures"]


@pytest.fixture(autouse=True, scope="session")
def _loopback_only() -> Iterator[None]:
    """Refuses connections that would leave this machine: a test that needs the internet is wrong."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> None:
        if self.family in (socket.AF_INET, socket.AF_INET6) and not ipaddress.ip_address(address[0]).is_loopback:
            raise AssertionError(f"a test tried to reach {address}; only loopback is allowed")
        connect(self, address)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", guarded)
        yield
