"""Content addresses: `sha256:…` and `sha512:…` (image-spec, descriptor.md "Digests")."""

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from moorage.oci.errors import DigestInvalid


class DigestAlgorithm(StrEnum):
    """The two registered algorithms; both are content identity (protocol.md §7, 1)."""

    SHA256 = "sha256"
    SHA512 = "sha512"

    @property
    def hex_length(self) -> int:
        """Hexadecimal digits of an encoded value."""
        return 64 if self is DigestAlgorithm.SHA256 else 128

    @property
    def new(self) -> Callable[..., Any]:
        """The hashlib constructor."""
        return hashlib.sha256 if self is DigestAlgorithm.SHA256 else hashlib.sha512


_HEX: Final = re.compile(r"[0-9a-f]+")


@dataclass(frozen=True, slots=True, order=True)
class Digest:
    """A content address: the algorithm and its lower-case hexadecimal value."""

    algorithm: DigestAlgorithm
    hex: str

    @classmethod
    def parse(cls, text: str) -> "Digest":
        """The digest that `text` spells. Raises DigestInvalid (R4)."""
        name, _, value = text.partition(":")
        try:
            algorithm = DigestAlgorithm(name)
        except ValueError:
            raise DigestInvalid("a digest is sha256: or sha512: and its lower-case hexadecimal value") from None
        if len(value) != algorithm.hex_length or not _HEX.fullmatch(value):
            raise DigestInvalid(f"a {name} digest has {algorithm.hex_length} lower-case hexadecimal digits")
        return cls(algorithm, value)

    @classmethod
    def of(cls, content: bytes, algorithm: DigestAlgorithm = DigestAlgorithm.SHA256) -> "Digest":
        """The digest of `content`."""
        return cls(algorithm, algorithm.new(content).hexdigest())

    def __str__(self) -> str:
        return f"{self.algorithm}:{self.hex}"
