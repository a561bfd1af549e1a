"""Small JSON files that only their owner may read: secrets handed to people, and where a process can be found."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

FILE_MODE: Final = 0o600
FOLDER_MODE: Final = 0o700


def read(path: Path) -> dict[str, Any]:
    """The object in a file of ours; empty if there is no such file or it holds something else."""
    with suppress(OSError, ValueError):
        content = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(content, dict):
            return content
    return {}


def write(path: Path, content: dict[str, Any]) -> None:
    """Puts the object into the file, whole or not at all, and makes its folder if there is none. Raises OSError."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    path.parent.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(json.dumps(content, indent=2) + "\n")
        file.flush()
        os.fsync(descriptor)
    draft.replace(path)


@contextmanager
def written(path: Path, content: dict[str, Any]) -> Iterator[None]:
    """The file is there meanwhile. Raises OSError."""
    write(path, content)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
