"""Where the peer's program is: on the path, or Debian's package unpacked below `.cache/peer`, which needs no root."""

import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Final

PACKAGE: Final = "docker-registry"
_UNPACKED: Final = Path(__file__).resolve().parents[2] / ".cache" / "peer"
_ADVICE: Final = f"the peer is not installed: apt install {PACKAGE}, or name a build of it with --peer-program"


class PeerMissing(RuntimeError):
    """There is no peer to compare with, and none could be fetched; the message says what to do."""


def find(named: Path | None = None) -> Path:
    """The program that was named, else an installed one, else one that is fetched now. Raises PeerMissing."""
    if named is not None:
        if not named.is_file():
            raise PeerMissing(f"there is no program {named}")
        return named
    installed = shutil.which(PACKAGE) or shutil.which(_UNPACKED / "usr" / "bin" / PACKAGE)
    return Path(installed) if installed else _fetched()


def version(program: Path) -> str:
    """As the program says it, such as `2.8.2+ds1`."""
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=True)
    return said.stdout.split()[-1].removeprefix("v")


def _fetched() -> Path:
    with tempfile.TemporaryDirectory() as folder:
        try:
            subprocess.run(["apt-get", "download", "-q", PACKAGE], cwd=folder, check=True, capture_output=True)
            archive = next(Path(folder).glob(f"{PACKAGE}_*.deb"))
            subprocess.run(["dpkg-deb", "-x", archive, _UNPACKED], check=True, capture_output=True)
        except (OSError, StopIteration, subprocess.CalledProcessError) as error:
            raise PeerMissing(_ADVICE) from error
    return _UNPACKED / "usr" / "bin" / PACKAGE
