"""Servers on loopback that run while they are measured."""

import os
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.processes import family

_READY_SECONDS: Final = 90.0
_STOP_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True)
class Target:
    """A server under load: its port, its process, its database's if it has one, and who asks.

    `authorizations` makes the values of the header Authorization, one for each principal; they may live for minutes.
    """

    label: str
    version: str
    port: int
    process: int
    authorizations: Callable[[], Sequence[str]]
    database: int | None = None

    def servers(self) -> frozenset[int]:
        """The processes that are not the database's."""
        return family(self.process) - self.databases()

    def databases(self) -> frozenset[int]:
        """The database's processes, whoever started them."""
        return frozenset() if self.database is None else family(self.database)


def free_port() -> int:
    """A port of loopback that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def running(
    command: Sequence[str], log: Path, port: int, environment: Mapping[str, str] | None = None
) -> Iterator[int]:
    """Runs a server until the block ends; yields its pid once it answers. Raises RuntimeError if it never does."""
    with log.open("ab") as output:
        process = subprocess.Popen(tied_to_us(command), stdout=output, stderr=output, env=environment)
    try:
        _await_answer(port, process, log)
        yield process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(_STOP_SECONDS)


def own_environment() -> dict[str, str]:
    """Ours, without settings of the product that somebody may have exported."""
    return {name: value for name, value in os.environ.items() if not name.startswith("MOORAGE")}


def tied_to_us(command: Sequence[str]) -> list[str]:
    """The command, ended by the kernel if we end first."""
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "TERM", "--", *command] if setpriv else list(command)


def _await_answer(port: int, process: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + _READY_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/v2/", timeout=2).close()
            return
        except urllib.error.HTTPError as refusal:
            refusal.close()
            return
        except OSError:
            time.sleep(0.05)
    raise RuntimeError(f"{log.parent.name} did not come up:\n{log.read_text(errors='replace')[-2000:]}")
