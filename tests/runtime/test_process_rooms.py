"""Settings, clocks and signals: what a process is given at start and told at its end."""

import asyncio
import os
import signal
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import SecretStr, ValidationError
from pydantic_settings import SettingsConfigDict

from moorage.runtime.clock import Clock, FixedClock, SystemClock
from moorage.runtime.lifecycle import Stop, run, run_until_stopped
from moorage.runtime.settings import Settings


class Example(Settings):
    """A service's settings."""

    model_config = SettingsConfigDict(env_prefix="MOORAGE_EXAMPLE_")
    port: int = 5000
    secret: SecretStr = SecretStr("")
    database: str = "postgres://u:p@h/d"


def test_settings_are_printed_masked() -> None:
    """Secrets by their type, and passwords inside addresses (R146)."""
    shown = Example(secret=SecretStr("hush")).masked()
    assert shown == {"port": "5000", "secret": "***", "database": "postgres://***@h/d"}
    assert Example().masked()["secret"] == ""
    assert "hush" not in repr(Example(secret=SecretStr("hush")))


def test_a_wrong_setting_is_named_without_its_value() -> None:
    """It may be a secret in the wrong place (R146); a name that is not known is wrong too."""
    with pytest.raises(ValidationError) as refusal:
        Example.model_validate({"port": "hush-hush"})
    assert "port" in str(refusal.value)
    assert "hush" not in str(refusal.value)
    with pytest.raises(ValidationError):
        Example.model_validate({"prot": 1})


def test_settings_are_frozen() -> None:
    """Read once."""
    with pytest.raises(ValidationError):
        Example().port = 1  # type: ignore[misc]  # the very point


def test_a_fixed_clock_moves_when_it_is_moved() -> None:
    """Both of its faces together."""
    clock = FixedClock(datetime(2026, 11, 24, tzinfo=UTC))
    clock.advance(timedelta(seconds=90))
    assert (clock.now(), clock.monotonic()) == (datetime(2026, 11, 24, 0, 1, 30, tzinfo=UTC), 90.0)


def test_the_system_clock_tells_utc() -> None:
    """And never goes back where it measures."""
    clock: Clock = SystemClock()
    assert clock.now().tzinfo is UTC
    assert clock.monotonic() <= clock.monotonic()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_a_service_in_order(number: signal.Signals) -> None:
    """It is told, winds down, and the process ends with 0."""
    steps: list[str] = []

    async def service(stop: Stop) -> None:
        steps.append("open")
        os.kill(os.getpid(), number)
        await stop.wait()
        steps.append("closed")

    assert run(service) == 0
    assert steps == ["open", "closed"]


def test_a_second_signal_does_not_wait() -> None:
    """Work in flight is given up, and the status says so."""

    async def service(stop: Stop) -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        await stop.wait()
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.Event().wait()

    assert run(service) == 1


async def test_a_service_that_fails_fails_the_process() -> None:
    """Its own exception goes on."""

    async def service(_stop: Stop) -> None:
        raise ConnectionError("no database")

    with pytest.raises(ConnectionError):
        await run_until_stopped(service)
