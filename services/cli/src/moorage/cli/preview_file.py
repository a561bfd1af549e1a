"""Reads changes that people want to try: facts, or changes of images, as JSON objects. Pure."""

import json
from collections.abc import Callable
from typing import Any, Final

from moorage.cli.failure import UsageInvalid

REMEDY: Final = 'Write facts (`type` and `data`), or {"image":"hello/tool","set":{"visibility":"workspace"}}.'
OF_IMAGES: Final = frozenset({"image", "set", "repository"})


def changes_in(text: str, completed: Callable[[dict[str, Any]], dict[str, Any]]) -> list[dict[str, Any]]:
    """The changes as the registry takes them; `completed` makes whole events of facts. Raises UsageInvalid."""
    found = [_change(number, value, completed) for number, value in enumerate(_values(text), 1)]
    if not found:
        raise UsageInvalid("There is no change in the input.", REMEDY)
    return found


def _values(text: str) -> list[Any]:
    try:
        if text.lstrip().startswith("["):
            return list(json.loads(text))
        return [json.loads(line) for line in text.splitlines() if line.strip()]
    except ValueError as error:
        raise UsageInvalid(f"The input is not JSON: {error}.", REMEDY) from None


def _change(number: int, value: Any, completed: Callable[[dict[str, Any]], dict[str, Any]]) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise UsageInvalid(f"Change {number} is no JSON object.", REMEDY)
    if "type" in value:
        return {"fact": completed(value)}
    if "image" not in value or not value.keys() <= OF_IMAGES:
        raise UsageInvalid(f"Change {number} is neither a fact nor a change of an image.", REMEDY)
    return value
