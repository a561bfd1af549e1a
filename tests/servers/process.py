"""Child processes that never outlive the test run."""

import asyncio
import os
import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

STOP_GRACE: Final = 15.0
TAIL: Final = 4_000


def tied_to_us(command: Sequence[str]) -> list[str]:
    """The command, killed by the kernel when the thread that starts it ends, so start it from the main thread."""
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "KILL", "--", *command] if setpriv else list(command)


class ServerProcess:
    """One server: a process group of its own, its output in a log file."""

    def __init__(self, command: Sequence[str], *, log: Path, environment: Mapping[str, str] | None = None) -> None:
        self._log = log
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                tied_to_us(command),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=environment,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    def exit_code(self) -> int | None:
        """None while the server runs; negative for the signal that ended it."""
        return self._process.poll()

    def log_tail(self) -> str:
        """The end of what the server wrote, for the message of a failed start."""
        return self._log.read_bytes()[-TAIL:].decode(errors="replace")

    async def stop(self) -> None:
        """SIGTERM, and SIGKILL when that was not enough; harmless when it has ended already."""
        if self.exit_code() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                await asyncio.to_thread(self._process.wait, STOP_GRACE)
            except subprocess.TimeoutExpired:
                await self.kill()

    async def kill(self) -> None:
        """SIGKILL to the whole group: nothing is flushed, nobody says goodbye."""
        if self.exit_code() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
            await asyncio.to_thread(self._process.wait)
