"""Where the repository keeps what its install scripts fetched."""

from pathlib import Path
from typing import Final

REPOSITORY: Final = Path(__file__).resolve().parents[2]
CACHE: Final = REPOSITORY / ".cache"
GO_PROGRAMS: Final = CACHE / "go" / "bin"
KAFKA_JARS: Final = CACHE / "kafka" / "libs"
KAFKA_CLASSES: Final = CACHE / "kafka" / "classes.jsa"
DEBIAN_ARCHIVES: Final = CACHE / "debs"
