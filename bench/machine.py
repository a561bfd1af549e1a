"""The machine and the versions of a run, as far as it tells."""

import os
import platform
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_ROOT: Final = Path(__file__).resolve().parents[1]


@dataclass(frozen=True, slots=True)
class Machine:
    """Where a run was; `load` is the average over one minute at its beginning, of processes that want to run."""

    cpu: str
    cores: int
    memory_gib: float
    system: str
    kernel: str
    python: str
    file_system: str
    commit: str
    load: float


def look(folder: Path) -> Machine:
    """This machine; `folder` is where the targets keep their data."""
    return Machine(
        cpu=_field(Path("/proc/cpuinfo"), "model name"),
        cores=len(os.sched_getaffinity(0)),
        memory_gib=round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / (1 << 30), 1),
        system=platform.freedesktop_os_release().get("PRETTY_NAME", "Linux"),
        kernel=platform.release(),
        python=platform.python_version(),
        file_system=_file_system(folder),
        commit=_commit(),
        load=round(os.getloadavg()[0], 1),
    )


def _field(file: Path, name: str) -> str:
    lines = (line.partition(":") for line in file.read_text().splitlines())
    return next((value.strip() for key, _, value in lines if key.strip() == name), "unknown")


def _file_system(folder: Path) -> str:
    """The type of the innermost mount that the folder is in."""
    mounts = [line.split()[1:3] for line in Path("/proc/self/mounts").read_text().splitlines()]
    around = [(len(point), kind) for point, kind in mounts if folder.resolve().is_relative_to(point)]
    return max(around)[1] if around else "unknown"


def _commit() -> str:
    try:
        said = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--exclude=*"],
            cwd=_ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return said.stdout.strip()
