"""A real image for two platforms: an OCI layout made of Debian's static busybox, the same bytes on every run."""

import gzip
import hashlib
import io
import json
import subprocess
import tarfile
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias

from servers.availability import require, require_debian_archive

ARCHITECTURES: Final = ("amd64", "arm64")
EPOCH: Final = "1970-01-01T00:00:00Z"
TAG: Final = "latest"

CONFIG: Final = "application/vnd.oci.image.config.v1+json"
LAYER: Final = "application/vnd.oci.image.layer.v1.tar+gzip"
MANIFEST: Final = "application/vnd.oci.image.manifest.v1+json"
INDEX: Final = "application/vnd.oci.image.index.v1+json"

Document: TypeAlias = dict[str, Any]


@dataclass(frozen=True)
class LayoutDigests:
    """What a layout holds: its index, the manifest of each platform (`linux/amd64`), and every blob, those included."""

    index: str
    manifests: Mapping[str, str]
    blobs: frozenset[str]


def multi_arch_layout(cache: Path) -> Path:
    """The layout's folder under the cache; it has one index, for linux/amd64 and linux/arm64, tagged `latest`.

    Made once. Test runs side by side may race for it: the first rename wins and the content is equal.
    """
    archives = {architecture: require_debian_archive("busybox-static", architecture) for architecture in ARCHITECTURES}
    folder = cache / "images" / _name_of(archives)
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent) as draft:
            _write_layout(Path(draft) / "layout", archives)
            if not folder.exists():
                (Path(draft) / "layout").rename(folder)
    return folder


def digests_of(layout: Path) -> LayoutDigests:
    """Read from the layout's documents, so they are what a client pushes, not what was meant to be written."""
    top = top_of(layout)
    index = json.loads(blob_path(layout, top["digest"]).read_bytes())
    manifests = {_platform(one): one["digest"] for one in index["manifests"]}
    blobs = frozenset(f"sha256:{blob.name}" for blob in (layout / "blobs" / "sha256").iterdir())
    return LayoutDigests(top["digest"], manifests, blobs)


def top_of(layout: Path) -> Document:
    """The descriptor of the layout's image, or of the tagged one where a client lists what is below it too."""
    listed: list[Document] = json.loads((layout / "index.json").read_bytes())["manifests"]
    tagged = [one for one in listed if "org.opencontainers.image.ref.name" in one.get("annotations", {})]
    (top,) = tagged or listed
    return top


def layers_of(layout: Path, platform: str) -> list[str]:
    """The digests of the uncompressed layers of the platform's image, or of the only image of the layout."""
    config = _manifest_of(layout, platform)["config"]
    return list(json.loads(blob_path(layout, config["digest"]).read_bytes())["rootfs"]["diff_ids"])


def first_layer(layout: Path, platform: str) -> str:
    """The digest of the platform's first layer, packed as it lies in the layout."""
    return str(_manifest_of(layout, platform)["layers"][0]["digest"])


def _manifest_of(layout: Path, platform: str) -> Document:
    manifest: Document = json.loads(blob_path(layout, top_of(layout)["digest"]).read_bytes())
    if "manifests" in manifest:
        child = next(one for one in manifest["manifests"] if _platform(one) == platform)
        manifest = json.loads(blob_path(layout, child["digest"]).read_bytes())
    return manifest


def blob_path(layout: Path, digest: str) -> Path:
    algorithm, _, encoded = digest.partition(":")
    return layout / "blobs" / algorithm / encoded


def _platform(descriptor: Document) -> str:
    return f"{descriptor['platform']['os']}/{descriptor['platform']['architecture']}"


def _name_of(archives: Mapping[str, Path]) -> str:
    """Changes with the packages, so that an upgrade of busybox makes a new layout."""
    names = " ".join(archive.name for archive in archives.values())
    return f"busybox-{hashlib.sha256(names.encode()).hexdigest()[:12]}"


def _write_layout(layout: Path, archives: Mapping[str, Path]) -> None:
    (layout / "blobs" / "sha256").mkdir(parents=True)
    manifests = [_write_image(layout, architecture, archive) for architecture, archive in archives.items()]
    index = _write_document(layout, INDEX, {"schemaVersion": 2, "mediaType": INDEX, "manifests": manifests})
    index["annotations"] = {"org.opencontainers.image.ref.name": TAG}
    (layout / "oci-layout").write_bytes(_encode({"imageLayoutVersion": "1.0.0"}))
    (layout / "index.json").write_bytes(_encode({"schemaVersion": 2, "mediaType": INDEX, "manifests": [index]}))


def _write_image(layout: Path, architecture: str, archive: Path) -> Document:
    tar = _root_of(_busybox_in(archive))
    platform = {"architecture": architecture, "os": "linux"}
    config = {
        **platform,
        "created": EPOCH,
        "config": {"Entrypoint": ["/bin/busybox"], "Cmd": ["sh"], "Env": ["PATH=/bin"]},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(tar).hexdigest()}"]},
        "history": [{"created": EPOCH, "created_by": "busybox-static of Debian"}],
    }
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": _write_document(layout, CONFIG, config),
        "layers": [_write_blob(layout, LAYER, gzip.compress(tar, mtime=0))],
    }
    return {**_write_document(layout, MANIFEST, manifest), "platform": platform}


def _busybox_in(archive: Path) -> bytes:
    command = [str(require("dpkg-deb")), "--fsys-tarfile", str(archive)]
    listing = subprocess.run(command, capture_output=True, check=True, timeout=60).stdout
    with tarfile.open(fileobj=io.BytesIO(listing)) as package:
        program = package.extractfile("./bin/busybox")
        if program is None:
            raise LookupError(archive)
        return program.read()


def _root_of(busybox: bytes) -> bytes:
    """A root file system as a tar: the program and a shell by that name, owned by root, with no time of its own."""
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w", format=tarfile.USTAR_FORMAT) as root:
        folder = tarfile.TarInfo("bin")
        folder.type, folder.mode = tarfile.DIRTYPE, 0o755
        root.addfile(folder)
        program = tarfile.TarInfo("bin/busybox")
        program.size, program.mode = len(busybox), 0o755
        root.addfile(program, io.BytesIO(busybox))
        shell = tarfile.TarInfo("bin/sh")
        shell.type, shell.mode, shell.linkname = tarfile.SYMTYPE, 0o777, "busybox"
        root.addfile(shell)
    return target.getvalue()


def _write_document(layout: Path, media_type: str, document: Document) -> Document:
    return _write_blob(layout, media_type, _encode(document))


def _write_blob(layout: Path, media_type: str, content: bytes) -> Document:
    digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
    blob_path(layout, digest).write_bytes(content)
    return {"mediaType": media_type, "digest": digest, "size": len(content)}


def _encode(document: Document) -> bytes:
    return json.dumps(document, separators=(",", ":"), sort_keys=True).encode()
