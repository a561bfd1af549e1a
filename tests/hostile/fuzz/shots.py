"""What is sent: the bytes of one request, with marks for what differs from run to run."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

CORPUS: Final = Path(__file__).parent / "corpus"
_HALF: Final = b"half\n"

Marks = Mapping[bytes, bytes]
"""What stands for `<<alice>>`, `<<session>>`, …: secrets and ids are never part of an input that is kept."""


@dataclass(frozen=True)
class Shot:
    """One request. With `half` it may be incomplete: the client closes its side and need not be answered."""

    sent: bytes
    half: bool = False

    def filled(self, marks: Marks) -> bytes:
        """The bytes that go out."""
        sent = self.sent
        for mark, value in marks.items():
            sent = sent.replace(mark, value)
        return sent


def request(
    method: str, target: str, headers: list[tuple[str, str]], body: bytes = b"", *, length: bool = True
) -> Shot:
    """A request as it should be framed, whatever is in it."""
    lines = [f"{method} {target} HTTP/1.1", "Host: registry.example", *(f"{name}: {value}" for name, value in headers)]
    lines += [f"Content-Length: {len(body)}"] * length
    return Shot("\r\n".join(lines).encode("latin-1", "replace") + b"\r\n\r\n" + body)


def keep(shot: Shot) -> Path:
    """Writes an input that failed to the corpus, where every later run finds it."""
    content = _HALF * shot.half + shot.sent
    path = CORPUS / f"{hashlib.sha256(content).hexdigest()[:16]}.http"
    path.write_bytes(content)
    return path


def corpus() -> list[Shot]:
    """Every input that once failed."""
    kept = [path.read_bytes() for path in sorted(CORPUS.glob("*.http"))]
    return [Shot(content.removeprefix(_HALF), content.startswith(_HALF)) for content in kept]
