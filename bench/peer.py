"""The peer: Debian's docker-registry with token authentication, durable storage on disk and quiet logs."""

import base64
import datetime
import hashlib
import json
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.x509.oid import NameOID

from bench.processes import free_port, running

_ISSUER = "bench-issuer"


@dataclass(frozen=True, slots=True)
class Target:
    """A registry to measure: where it listens, how to authorize, which pids it costs, and the image names to use."""

    label: str
    port: int
    authorization: str
    pids: Sequence[int]
    image: str


@contextmanager
def peer(folder: Path, image: str) -> Iterator[Target]:
    """Runs docker-registry on a free port of loopback. Raises RuntimeError if it is not installed."""
    program = shutil.which("docker-registry")
    if program is None:
        raise RuntimeError("the peer is not installed: apt-get install docker-registry")
    key = ec.generate_private_key(ec.SECP256R1())
    (folder / "cert.pem").write_bytes(_certificate(key))
    port = free_port()
    (folder / "config.yml").write_text(json.dumps(_settings(folder, port)), encoding="utf-8")
    with running([program, "serve", str(folder / "config.yml")], folder / "log", f"http://127.0.0.1:{port}/v2/") as pid:
        yield Target("docker-registry", port, f"Bearer {_token(key, image)}", (pid,), image)


def _settings(folder: Path, port: int) -> dict[str, Any]:
    return {
        "version": "0.1",
        "log": {"level": "error", "accesslog": {"disabled": True}},
        "storage": {
            "cache": {"blobdescriptor": "inmemory"},
            "filesystem": {"rootdirectory": str(folder / "data"), "maxthreads": 100},
            "maintenance": {"uploadpurging": {"enabled": False}},
        },
        "http": {"addr": f"127.0.0.1:{port}", "secret": "benchmark"},
        "auth": {
            "token": {
                "realm": f"http://127.0.0.1:{port}/token",
                "service": "bench",
                "issuer": _ISSUER,
                "rootcertbundle": str(folder / "cert.pem"),
            }
        },
    }


def _certificate(key: ec.EllipticCurvePrivateKey) -> bytes:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, _ISSUER)])
    now = datetime.datetime.now(datetime.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=2))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
    )
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def _token(key: ec.EllipticCurvePrivateKey, image: str) -> str:
    """A bearer token in the form that the 2.x series verifies: `kid` is the libtrust fingerprint of the key."""
    now = int(time.time())
    claims = {
        "iss": _ISSUER,
        "sub": "bench",
        "aud": "bench",
        "iat": now,
        "nbf": now - 60,
        "exp": now + 86400,
        "jti": "bench",
        "access": [{"type": "repository", "name": image, "actions": ["pull", "push"]}],
    }
    head = {"typ": "JWT", "alg": "ES256", "kid": _fingerprint(key)}
    message = ".".join(_encode(json.dumps(part).encode()) for part in (head, claims))
    r, s = utils.decode_dss_signature(key.sign(message.encode(), ec.ECDSA(hashes.SHA256())))
    return f"{message}.{_encode(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"


def _fingerprint(key: ec.EllipticCurvePrivateKey) -> str:
    der = key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    text = base64.b32encode(hashlib.sha256(der).digest()[:30]).decode()
    return ":".join(text[i : i + 4] for i in range(0, 48, 4))


def _encode(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()
