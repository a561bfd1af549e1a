"""A key, its certificate, and bearer tokens that Distribution verifies (its token specification)."""

import base64
import datetime
import hashlib
import json
import time
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.x509.oid import NameOID

from bench.names import IMAGES

ISSUER: Final = "bench-issuer"
SERVICE: Final = "bench"
_VALID_SECONDS: Final = 86_400


class Signer:
    """Signs tokens with ES256."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())

    def certificate(self) -> bytes:
        """Self-signed, PEM."""
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, ISSUER)])
        now = datetime.datetime.now(datetime.UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(self._key.public_key())
            .serial_number(1)
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=2))
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        )
        return builder.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    def token(self, major: int) -> str:
        """Grants everything on the bench's images; the key is named as that major version of Distribution wants it."""
        key = self._fingerprint() if major < 3 else self._thumbprint()
        parts = ({"typ": "JWT", "alg": "ES256", "kid": key}, _claims(int(time.time())))
        message = ".".join(_encode(json.dumps(part).encode()) for part in parts)
        r, s = utils.decode_dss_signature(self._key.sign(message.encode(), ec.ECDSA(hashes.SHA256())))
        return f"{message}.{_encode(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"

    def _fingerprint(self) -> str:
        """Of libtrust, as the 2.x series names keys."""
        form = (serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        digest = hashlib.sha256(self._key.public_key().public_bytes(*form)).digest()
        text = base64.b32encode(digest[:30]).decode()
        return ":".join(text[i : i + 4] for i in range(0, 48, 4))

    def _thumbprint(self) -> str:
        """RFC 7638, as the 3.x series names keys."""
        numbers = self._key.public_key().public_numbers()
        point = {"crv": "P-256", "kty": "EC", "x": _coordinate(numbers.x), "y": _coordinate(numbers.y)}
        return _encode(hashlib.sha256(json.dumps(point, separators=(",", ":"), sort_keys=True).encode()).digest())


def _claims(now: int) -> dict[str, Any]:
    access = [{"type": "repository", "name": name, "actions": ["pull", "push", "delete"]} for name in IMAGES]
    times = {"iat": now, "nbf": now - 60, "exp": now + _VALID_SECONDS}
    return {"iss": ISSUER, "sub": "bench", "aud": SERVICE, "jti": "bench", "access": access, **times}


def _coordinate(number: int) -> str:
    return _encode(number.to_bytes(32, "big"))


def _encode(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()
