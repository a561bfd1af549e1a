"""`python -m moorage.gateway.http.management.openapi docs/openapi.json` writes the document; a test compares it."""

import sys
from pathlib import Path

from moorage.gateway.http.management.document import document, render
from moorage.gateway.http.management.serving import operations


def main(place: str) -> None:
    """Writes it."""
    Path(place).write_text(render(document(operations())), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
