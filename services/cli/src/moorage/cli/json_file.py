"""Reads small JSON files with one object, telling every way in which that can fail."""

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

from moorage.cli.failure import UsageInvalid


def read_object(path: Path, remedy: str) -> dict[str, Any]:
    """The object in the file. Raises UsageInvalid, with `remedy` if the file is missing."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UsageInvalid(f"{path} does not exist.", remedy) from None
    except OSError as error:
        raise UsageInvalid(f"{path} cannot be read: {error.strerror}.", "Check who owns it, and its mode.") from None
    except ValueError:
        raise UsageInvalid(f"{path} does not hold JSON.", remedy) from None
    if not isinstance(content, dict):
        raise UsageInvalid(f"{path} does not hold a JSON object.", remedy)
    return content


def read_if_there(path: Path) -> dict[str, Any]:
    """The object in the file; empty if there is none that can be read."""
    with suppress(UsageInvalid):
        return read_object(path, "")
    return {}
