"""OCI layouts of what is no plain image, written as the tools write it that make such things.

Each function fills a folder and gives back the digest on top.
"""

import gzip
import hashlib
import io
import json
import os
import tarfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from servers.images import CONFIG, INDEX, LAYER, MANIFEST, TAG, blob_path, digests_of

HELM_CONFIG: Final = "application/vnd.cncf.helm.config.v1+json"
HELM_CHART: Final = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"
COSIGN: Final = "application/vnd.dev.cosign.simplesigning.v1+json"
BUILDKIT_CACHE: Final = "application/vnd.buildkit.cacheconfig.v0"
IN_TOTO: Final = "application/vnd.in-toto+json"
_UNKNOWN: Final = {"architecture": "unknown", "os": "unknown"}

Document = dict[str, Any]


class Layout:
    """A layout that is being written."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        (folder / "blobs" / "sha256").mkdir(parents=True, exist_ok=True)

    def blob(self, media_type: str, content: bytes, **more: Any) -> Document:
        """Writes the bytes; their descriptor."""
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        blob_path(self._folder, digest).write_bytes(content)
        return {"mediaType": media_type, "digest": digest, "size": len(content), **more}

    def document(self, media_type: str, document: Document, **more: Any) -> Document:
        """Writes JSON; its descriptor."""
        return self.blob(media_type, json.dumps(document, separators=(",", ":")).encode(), **more)

    def manifest(self, config: Document, layers: Sequence[Document], **more: Any) -> Document:
        """Writes an image manifest; its descriptor."""
        document = {"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": list(layers), **more}
        return self.document(MANIFEST, document)

    def index(self, manifests: Sequence[Document]) -> Document:
        """Writes an index; its descriptor."""
        return self.document(INDEX, {"schemaVersion": 2, "mediaType": INDEX, "manifests": list(manifests)})

    def finish(self, top: Document) -> str:
        """Makes it the layout's only image; its digest."""
        named = {**top, "annotations": {"org.opencontainers.image.ref.name": TAG}}
        index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": [named]}
        (self._folder / "index.json").write_text(json.dumps(index), encoding="utf-8")
        (self._folder / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}', encoding="utf-8")
        return str(top["digest"])


def one_platform(folder: Path, images: Path, platform: str = "linux/amd64") -> str:
    """One image of a layout of several."""
    layout = Layout(folder)
    _copy_blobs(images, folder)
    digest = digests_of(images).manifests[platform]
    return layout.finish(layout.blob(MANIFEST, blob_path(images, digest).read_bytes()))


def unheard_of(folder: Path, size: int = 512 * 1024) -> str:
    """An image whose layer is `size` random bytes, so that no registry and no client has ever seen it."""
    layout, packed = Layout(folder), io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as root:
        file = tarfile.TarInfo("random")
        file.size = size
        root.addfile(file, io.BytesIO(os.urandom(file.size)))
    plain = packed.getvalue()
    layer = layout.blob(LAYER, gzip.compress(plain, compresslevel=1))
    rootfs = {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(plain).hexdigest()}"]}
    config = {"architecture": "amd64", "os": "linux", "config": {}, "rootfs": rootfs}
    return layout.finish(layout.manifest(layout.document(CONFIG, config), [layer]))


def helm_chart(folder: Path) -> str:
    """A chart, as `helm push` sends it."""
    layout = Layout(folder)
    config = layout.document(
        HELM_CONFIG, {"apiVersion": "v2", "name": "tool", "version": "0.1.0", "type": "application"}
    )
    chart = layout.blob(HELM_CHART, b"the chart's archive")
    return layout.finish(layout.manifest(config, [chart], annotations={"org.opencontainers.image.title": "tool"}))


def cosign_signature(folder: Path, signed: str) -> str:
    """A signature of `signed` that goes to the tag that cosign makes of its digest (`signature_tag`)."""
    layout = Layout(folder)
    payload = {"critical": {"image": {"docker-manifest-digest": signed}, "type": "cosign container image signature"}}
    layer = layout.document(COSIGN, payload, annotations={"dev.cosignproject.cosign/signature": "MEUCIQ=="})
    rootfs = {"type": "layers", "diff_ids": [layer["digest"]]}
    config = layout.document(CONFIG, {"architecture": "", "os": "", "config": {}, "rootfs": rootfs})
    return layout.finish(layout.manifest(config, [layer]))


def signature_tag(signed: str) -> str:
    """Where cosign looks for the signatures of a digest."""
    return f"{signed.replace(':', '-')}.sig"


def cache_manifest(folder: Path) -> str:
    """A build's cache, as BuildKit writes it with `image-manifest=true`."""
    layout = Layout(folder)
    return layout.finish(layout.manifest(*_cache(layout)))


def cache_index(folder: Path) -> str:
    """A build's cache, as BuildKit writes it by default: an index that lists layers and the configuration."""
    layout = Layout(folder)
    config, layers = _cache(layout)
    return layout.finish(layout.index([*layers, config]))


def attested(folder: Path, images: Path) -> str:
    """The images of a layout with an attestation for each, as buildx puts them in one index."""
    layout = Layout(folder)
    _copy_blobs(images, folder)
    pushed = json.loads(blob_path(images, digests_of(images).index).read_bytes())["manifests"]
    return layout.finish(layout.index([*pushed, *(_attestation(layout, one["digest"]) for one in pushed)]))


def _copy_blobs(source: Path, target: Path) -> None:
    for blob in (source / "blobs" / "sha256").iterdir():
        (target / "blobs" / "sha256" / blob.name).write_bytes(blob.read_bytes())


def _cache(layout: Layout) -> tuple[Document, list[Document]]:
    layers = [layout.blob(LAYER, f"layer {number} of the cache".encode()) for number in range(2)]
    records = {
        "layers": [{"blob": layer["digest"], "parent": parent} for parent, layer in enumerate(layers, -1)],
        "records": [{"digest": layers[0]["digest"], "layers": [{"layer": 0}]}],
    }
    return layout.document(BUILDKIT_CACHE, records), layers


def _attestation(layout: Layout, image: str) -> Document:
    statement = layout.document(IN_TOTO, {"_type": "https://in-toto.io/Statement/v0.1", "subject": [{"digest": image}]})
    rootfs = {"type": "layers", "diff_ids": [statement["digest"]]}
    config = layout.document(CONFIG, {**_UNKNOWN, "config": {}, "rootfs": rootfs})
    manifest = layout.manifest(config, [statement])
    notes = {"vnd.docker.reference.digest": image, "vnd.docker.reference.type": "attestation-manifest"}
    return {**manifest, "annotations": notes, "platform": _UNKNOWN}
