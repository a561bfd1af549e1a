"""The product, as it is shipped: `moorage serve --demo`, with authorization on every request and its own PostgreSQL."""

import base64
import json
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.peer import Target
from bench.processes import family, free_port, running

_IMAGE = "acme/hello/bench"


@contextmanager
def product(folder: Path) -> Iterator[Target]:
    """Runs the standalone registry on a free port; alice, who may create images in `hello`, is who pushes and pulls."""
    folder.mkdir()
    port, credentials = free_port(), folder / "credentials.json"
    command = [sys.executable, "-m", "moorage.cli", "serve", "--demo", "--data", str(folder), "--port", str(port)]
    command += ["--credentials-file", str(credentials)]
    with running(command, folder.with_suffix(".log"), f"http://127.0.0.1:{port}/v2/") as pid:
        alice = json.loads(credentials.read_text(encoding="utf-8"))["users"]["alice"]
        token = _bearer(port, f"{alice['username']}:{alice['token']}")
        yield Target("moorage", port, f"Bearer {token}", (pid, *_database_apart(folder, pid)), _IMAGE)


def _database_apart(folder: Path, server: int) -> tuple[int, ...]:
    """The PostgreSQL server, unless it is a child of the registry and so counted with it."""
    postmaster = next((folder / "postgres").rglob("postmaster.pid"), None)
    if postmaster is None:
        return ()
    pid = int(postmaster.read_text(encoding="utf-8").split()[0])
    return () if pid in family(server) else (pid,)


def _bearer(port: int, credential: str) -> str:
    url = f"http://127.0.0.1:{port}/token?service=moorage&scope=repository:{_IMAGE}:pull,push"
    basic = base64.b64encode(credential.encode()).decode()
    request = urllib.request.Request(url, headers={"Authorization": f"Basic {basic}"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        token: str = json.load(answer)["token"]
        return token
