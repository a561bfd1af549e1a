"""Runs the peer."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from bench.names import PRINCIPALS
from bench.peer import program
from bench.peer.token import ISSUER, SERVICE, Signer
from bench.serving import Target, free_port, own_environment, running

LABEL: Final = "peer"


@contextmanager
def peer(folder: Path, named: Path | None = None) -> Iterator[Target]:
    """Runs it on a free port, its data in `folder`. Raises PeerMissing."""
    binary = program.find(named)
    version, signer, port = program.version(binary), Signer(), free_port()
    folder.mkdir(parents=True)
    (folder / "cert.pem").write_bytes(signer.certificate())
    (folder / "config.yml").write_text(json.dumps(_settings(folder, port)), encoding="utf-8")
    token = f"Bearer {signer.token(int(version.partition('.')[0]))}"
    environment = own_environment() | {"OTEL_TRACES_EXPORTER": "none"}
    command = [str(binary), "serve", str(folder / "config.yml")]
    with running(command, folder / "log", port, environment) as process:
        yield Target(LABEL, f"CNCF Distribution {version}", port, process, lambda: [token] * PRINCIPALS)


def _settings(folder: Path, port: int) -> dict[str, Any]:
    """Lean and fair: blob descriptors kept in memory, no purging, logs of errors only."""
    token = {
        "realm": f"http://127.0.0.1:{port}/token",
        "service": SERVICE,
        "issuer": ISSUER,
        "rootcertbundle": str(folder / "cert.pem"),
    }
    return {
        "version": "0.1",
        "log": {"level": "error", "accesslog": {"disabled": True}},
        "storage": {
            "delete": {"enabled": True},
            "cache": {"blobdescriptor": "inmemory"},
            "filesystem": {"rootdirectory": str(folder / "data"), "maxthreads": 100},
            "maintenance": {"uploadpurging": {"enabled": False}},
        },
        "http": {"addr": f"127.0.0.1:{port}", "secret": "benchmark"},
        "auth": {"token": token},
    }
