"""Looks at this machine: the data folder's modes, and whether clients here will speak to the registry."""

import ipaddress
import shutil
import stat
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from moorage.cli.diagnosis.finding import Finding, ok, skipped, warning

PRIVATE: Final = ("operator.json", "internal.json", "credentials.json", "lock")


def examine_data_folder(data: Path) -> Finding:
    """Whether only its owner may read what is secret in it."""
    if not data.is_dir():
        return skipped("data folder", f"{data} is not a folder on this machine", "Name it with --data if it is here.")
    files = [data / name for name in PRIVATE if (data / name).exists()]
    secrets = data / "secrets"
    files += [path for path in secrets.glob("*") if path.is_file()] if secrets.is_dir() else []
    open_ = [path for path in files if _mode(path) & 0o077] + ([data] if _mode(data) & 0o066 else [])
    if open_:
        names = ", ".join(str(path) for path in open_)
        return warning("data folder", f"others may read {names}", f"chmod go= {' '.join(map(str, open_))}")
    return ok("data folder", f"only its owner may read {data}")


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def examine_clients(server: str) -> list[Finding]:
    """One finding per client that is installed here; plain HTTP needs a word with most of them."""
    parts = urlsplit(server)
    if parts.scheme == "https":
        return [ok("clients", "the registry speaks HTTPS; clients need no configuration")]
    findings = []
    if shutil.which("docker"):
        findings.append(_docker(parts.netloc, parts.hostname or ""))
    findings += [
        ok(client, f"speaks plain HTTP with --tls-verify=false ({client} login --tls-verify=false {parts.netloc})")
        for client in ("podman", "skopeo", "buildah")
        if shutil.which(client)
    ]
    if shutil.which("crane"):
        findings.append(ok("crane", "speaks plain HTTP with --insecure"))
    return findings or [skipped("clients", "neither docker, podman, skopeo nor crane is on the PATH")]


def _docker(address: str, host: str) -> Finding:
    if _is_loopback(host):
        return ok("docker", f"speaks plain HTTP with {host} without configuration")
    return warning(
        "docker",
        f"refuses plain HTTP with {host} unless told otherwise",
        f'Put TLS before the registry, or add {{"insecure-registries": ["{address}"]}} to /etc/docker/daemon.json.',
    )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
