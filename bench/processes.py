"""What processes cost, from /proc (Linux): CPU time and peak memory of a tree."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_TICKS: Final = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Usage:
    """CPU seconds: of user code and of the kernel."""

    user: float = 0.0
    system: float = 0.0

    @property
    def cpu(self) -> float:
        """Both."""
        return self.user + self.system

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(self.user + other.user, self.system + other.system)

    def __sub__(self, other: "Usage") -> "Usage":
        return Usage(self.user - other.user, self.system - other.system)


def family(root: int) -> frozenset[int]:
    """A process and all its living descendants."""
    children = _children()
    members, waiting = set[int](), [root]
    while waiting:
        members.add(process := waiting.pop())
        waiting.extend(children.get(process, ()))
    return frozenset(members)


def usage(processes: Iterable[int]) -> Usage:
    """What they took since they began, with their children that ended and were waited for."""
    return sum(map(_usage_of, processes), Usage())


def forget_peaks(processes: Iterable[int]) -> None:
    """Peaks of memory count from now on."""
    for process in processes:
        try:
            Path(f"/proc/{process}/clear_refs").write_text("5")
        except OSError:
            continue  # it has ended, or is another user's


def highest_peak(processes: Iterable[int]) -> int:
    """The most memory (bytes, resident) that any one of them has held since `forget_peaks`."""
    return max(map(_peak_of, processes), default=0)


def _usage_of(process: int) -> Usage:
    fields = _fields(process)[11:15]
    if not fields:
        return Usage()
    user, system, children_user, children_system = map(int, fields)
    return Usage((user + children_user) / _TICKS, (system + children_system) / _TICKS)


def _peak_of(process: int) -> int:
    try:
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:"))


def _children() -> dict[int, list[int]]:
    tree: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (fields := _fields(int(entry.name))):
            tree.setdefault(int(fields[1]), []).append(int(entry.name))
    return tree


def _fields(process: int) -> list[str]:
    """The fields of `stat` behind the name, which may have spaces in it; none if the process has ended."""
    try:
        return Path(f"/proc/{process}/stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return []
