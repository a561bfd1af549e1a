"""The operator's secret in a file that only its owner may read; `moorage` commands take it from there."""

from pathlib import Path

from moorage.runtime import private_file


class OperatorFile:
    """Implements OperatorPlace."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def kept(self) -> str | None:
        """See OperatorPlace; a file that holds something else keeps nothing."""
        secret = private_file.read(self._path).get("secret")
        return secret if isinstance(secret, str) else None

    def keep(self, secret: str) -> None:
        """See OperatorPlace."""
        private_file.write(self._path, {"username": "operator", "secret": secret})

    def __str__(self) -> str:
        return str(self._path)
