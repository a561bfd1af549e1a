"""What is pushed and pulled: made from fixed seeds, so that every target holds the same bytes."""

import hashlib
import json
import mmap
import random
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.sizes import KIB, MIB, Sizes

MANIFEST: Final = "application/vnd.oci.image.manifest.v1+json"
INDEX: Final = "application/vnd.oci.image.index.v1+json"
_CONFIG: Final = "application/vnd.oci.image.config.v1+json"
_LAYER: Final = "application/vnd.oci.image.layer.v1.tar+gzip"
LAYERS: Final = 3
LAYER_BYTES: Final = 100 * KIB
SMALL_BYTES: Final = 2 * KIB
_SHARED_MEMORY: Final = Path("/dev/shm")


def digest_of(data: bytes) -> str:
    """The content's address."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


@dataclass(frozen=True, slots=True)
class Blob:
    """Some bytes and their address."""

    digest: str
    data: bytes

    @classmethod
    def of(cls, data: bytes) -> "Blob":
        return cls(digest_of(data), data)


@dataclass(frozen=True, slots=True)
class Image:
    """A manifest of three layers and a config of 1.5 KiB, and the tag it goes by."""

    tag: str
    digest: str
    manifest: bytes
    blobs: tuple[Blob, ...]


def image(tag: str, layers: list[Blob]) -> Image:
    """An image of these layers; the tag makes its config, and so its manifest, its own."""
    config = Blob.of(_config(tag, layers))
    document = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": _descriptor(_CONFIG, config),
        "layers": [_descriptor(_LAYER, layer) for layer in layers],
    }
    manifest = json.dumps(document).encode()
    return Image(tag, digest_of(manifest), manifest, (*layers, config))


def _config(tag: str, layers: list[Blob]) -> bytes:
    run = {"Env": ["PATH=/usr/bin"], "Cmd": ["/bin/true"], "Labels": {"org.example.pad": "x" * 1200}}
    rootfs = {"type": "layers", "diff_ids": [layer.digest for layer in layers]}
    platform = {"architecture": "amd64", "os": "linux"}
    return json.dumps({**platform, "created_by": tag, "rootfs": rootfs, "config": run}).encode()


def _descriptor(media_type: str, blob: Blob) -> dict[str, object]:
    return {"mediaType": media_type, "digest": blob.digest, "size": len(blob.data)}


class LargeFile:
    """Random bytes in memory that all large transfers share, as a file for sendfile(2) and as a view."""

    def __init__(self, size: int) -> None:
        folder = _SHARED_MEMORY if _SHARED_MEMORY.is_dir() else None
        self._file = tempfile.TemporaryFile(dir=folder, prefix="moorage-bench-")  # noqa: SIM115 (lives as long as we)
        chance = random.Random(11)
        for at in range(0, size, MIB):
            self._file.write(chance.randbytes(min(MIB, size - at)))
        self._file.flush()
        self.number = self._file.fileno()
        self._mapped = mmap.mmap(self.number, size, prot=mmap.PROT_READ)
        self.view = memoryview(self._mapped)

    def close(self) -> None:
        """Gives the memory back."""
        self.view.release()
        self._mapped.close()
        self._file.close()

    def digest(self, size: int, prefix: bytes = b"") -> str:
        """Of the first `size` bytes with their beginning replaced by `prefix`."""
        running = hashlib.sha256(prefix)
        running.update(self.view[len(prefix) : size])
        return f"sha256:{running.hexdigest()}"


class Content:
    """All that a run transfers."""

    def __init__(self, sizes: Sizes) -> None:
        chance = random.Random(7)
        self.layer_base = chance.randbytes(LAYER_BYTES)
        self.small = [Blob.of(chance.randbytes(SMALL_BYTES)) for _ in range(sizes.spread)]
        layers = [Blob.of(chance.randbytes(LAYER_BYTES)) for _ in range(LAYERS)]
        self.images = [image(f"seed-{number}", layers) for number in range(sizes.spread)]
        self.tagged = image("tagged", layers)
        self._large_bytes = max(sizes.large_mib, sizes.layer_mib) * MIB
        self._large: LargeFile | None = None

    @property
    def large(self) -> LargeFile:
        """Made at first use."""
        self._large = self._large or LargeFile(self._large_bytes)
        return self._large

    def close(self) -> None:
        """Gives the memory of the large file back."""
        if self._large:
            self._large.close()
