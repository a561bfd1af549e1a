"""Folders whose entries are durable."""

import os
from pathlib import Path


def sync_folder(folder: Path) -> None:
    """Makes the folder's entries durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
