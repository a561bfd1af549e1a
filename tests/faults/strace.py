"""Makes system calls of a running process fail, or kill it, at an exact point."""

import asyncio
import re
import signal
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Final

from servers.availability import require
from servers.process import tied_to_us

_CALL: Final = re.compile(r"^(?:\d+ +)?(\w+)\(", re.MULTILINE)
_INJECTED: Final = re.compile(r"\((?:INJECTED|DELAYED)\)$", re.MULTILINE)
_TOLD: Final = b"attached"


class Trace:
    """What was seen of the process so far."""

    def __init__(self, file: Path) -> None:
        self._file = file

    @property
    def calls(self) -> Counter[str]:
        """How often each of the traced calls was begun."""
        return Counter(_CALL.findall(self._file.read_text(errors="replace")))

    @property
    def injected(self) -> int:
        """How many calls were made to fail, or to take longer."""
        return len(_INJECTED.findall(self._file.read_text(errors="replace")))


@asynccontextmanager
async def traced(pid: int, file: Path, calls: Sequence[str], *options: str) -> AsyncIterator[Trace]:
    """Watches these calls of a process and its threads; `options` are strace's (`-e inject=…`, `-P path`)."""
    command = [
        str(require("strace")),
        "-f",
        "-p",
        str(pid),
        "-o",
        str(file),
        "-e",
        f"trace={','.join(calls)}",
        *options,
    ]
    strace = await asyncio.create_subprocess_exec(*tied_to_us(command), stderr=asyncio.subprocess.PIPE)
    try:
        assert strace.stderr
        line = await strace.stderr.readline()
        assert _TOLD in line, line
        yield Trace(file)
    finally:
        with suppress(ProcessLookupError):
            strace.send_signal(signal.SIGINT)
        await strace.wait()


def failing(call: str, error: str, when: str = "1+") -> list[str]:
    """The option that makes a call fail: the first time and from then on, or as `when` says."""
    return ["-e", f"inject={call}:error={error}:when={when}"]


def killing(call: str, when: int) -> list[str]:
    """The option that kills the process as it begins its n-th such call."""
    return ["-e", f"inject={call}:signal=KILL:when={when}"]


def delaying(call: str, seconds: float) -> list[str]:
    """The option that keeps the process in each such call for longer, after it was done."""
    return ["-e", f"inject={call}:delay_exit={round(seconds * 1_000_000)}"]
