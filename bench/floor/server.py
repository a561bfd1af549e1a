"""Runs the floors."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Final

from bench.names import PRINCIPALS
from bench.serving import Target, free_port, own_environment, running

APPLICATION: Final = "bare aiohttp"
RECEIVER: Final = "bare receiver"


@contextmanager
def application(folder: Path) -> Iterator[Target]:
    """A bare aiohttp application."""
    with _running(
        folder, APPLICATION, f"aiohttp {version('aiohttp')}, uvloop {version('uvloop')}", "application"
    ) as target:
        yield target


@contextmanager
def receiver(folder: Path) -> Iterator[Target]:
    """A bare receiver of uploads that keeps nothing."""
    with _running(
        folder, RECEIVER, f"asyncio.BufferedProtocol, uvloop {version('uvloop')}", "receiver", str(folder)
    ) as target:
        yield target


@contextmanager
def _running(folder: Path, label: str, versions: str, module: str, *arguments: str) -> Iterator[Target]:
    port = free_port()
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", f"bench.floor.{module}", str(port), *arguments]
    environment = own_environment() | {"PYTHONPATH": str(Path(__file__).resolve().parents[2])}
    with running(command, folder / f"{module}.log", port, environment) as process:
        yield Target(label, versions, port, process, lambda: ["Bearer none"] * PRINCIPALS)
