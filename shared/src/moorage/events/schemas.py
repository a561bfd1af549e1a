"""The JSON Schemas of the facts, one document per event type, for those who write bridges.

`python -m moorage.events.schemas docs/schemas` writes them; a test compares what is written with the models.
"""

import json
import sys
from pathlib import Path
from typing import Any

from moorage.events.envelope import Envelope
from moorage.events.facts import FACTS, schema_of


def schemas() -> dict[str, dict[str, Any]]:
    """Each document by its file name."""
    return {f"{type_}.json": _document(type_) for type_ in FACTS}


def render(document: dict[str, Any]) -> str:
    """A document as it stands in its file."""
    return json.dumps(document, indent=2, sort_keys=True) + "\n"


def _document(type_: str) -> dict[str, Any]:
    envelope = Envelope.model_json_schema()
    data = schema_of(FACTS[type_])
    definitions = data.pop("$defs", {})
    envelope["properties"] |= {"type": {"const": type_}, "data": data}
    envelope |= {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"https://moorage.dev/schemas/{type_}.json",
        "title": type_,
    }
    if definitions:
        envelope["$defs"] = definitions
    return envelope


def main(folder: str) -> None:
    """Writes every document into the folder."""
    for name, document in schemas().items():
        Path(folder, name).write_text(render(document), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
