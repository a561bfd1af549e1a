"""Finds out which registry a command speaks to, and with whose credential. A secret is never an argument (R148)."""

import os
import re
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from moorage.cli.failure import UsageInvalid
from moorage.cli.json_file import read_if_there, read_object
from moorage.cli.options import DEFAULT_DATA, DEFAULT_SERVER

TOKEN_VARIABLE: Final = "MOORAGE_TOKEN"  # noqa: S105 - the name of a variable
HOST: Final = re.compile(r"[a-z0-9._:-]+")
START_HINT: Final = "Start a registry with `make run`, or name its data folder with --data."


@dataclass(frozen=True, slots=True)
class Login:
    """The registry's address without a trailing slash, and the secret to show; None asks as anonymous."""

    server: str
    secret: str | None = field(repr=False)

    def known(self) -> "Login":
        """Itself, if there is a secret. Raises UsageInvalid."""
        if self.secret is None:
            raise UsageInvalid(
                "This needs a credential, and none was given.",
                "Add --as USER (a user of the credentials file), or set MOORAGE_TOKEN, or use --token-file.",
            )
        return self


@dataclass(frozen=True, slots=True)
class LoginOptions:
    """What was typed about the connection; `login` makes sense of it."""

    server: str | None = None
    user: str | None = None
    credentials: Path | None = None
    token_file: Path | None = None

    @property
    def chosen(self) -> bool:
        """Whether a credential was named in any way."""
        return bool(self.user or self.token_file or os.environ.get(TOKEN_VARIABLE))

    def login(self) -> Login:
        """The login: --token-file, else --as, else MOORAGE_TOKEN, else anonymous. Raises UsageInvalid."""
        if self.token_file is not None:
            return Login(self._address(), _token_in(self.token_file))
        if self.user is not None:
            return self._of_user(self.user)
        return Login(self._address(), os.environ.get(TOKEN_VARIABLE, "").strip() or None)

    def _address(self) -> str:
        """The one that was named, else that of the registry that runs on the data folder here."""
        running = read_if_there(data_folder() / "internal.json").get("registry")
        return server_address(self.server or (running if isinstance(running, str) else None))

    def _of_user(self, user: str) -> Login:
        path = self.credentials or data_folder() / "credentials.json"
        content = read_object(path, "Start a demo with `make run`, or name the file with --credentials-file.")
        users: Any = content.get("users")
        entry = users.get(user) if isinstance(users, dict) else None
        if not isinstance(entry, dict) or not isinstance(entry.get("token"), str):
            known = ", ".join(sorted(users)) if isinstance(users, dict) and users else "nobody"
            raise UsageInvalid(f"{path} has no token of {user!r}.", f"It knows {known}.")
        registry = content.get("registry")
        beside = f"http://{registry}" if isinstance(registry, str) else None
        return Login(server_address(self.server or beside), entry["token"])


@dataclass(frozen=True, slots=True)
class OperatorLogin:
    """The operator's secret, the address of the internal listener, and that of the public one if it is known."""

    internal: str
    registry: str | None
    secret: str = field(repr=False)

    @classmethod
    def of(cls, data: Path) -> "OperatorLogin":
        """What a running registry has written into its data folder. Raises UsageInvalid."""
        listener = read_object(data / "internal.json", START_HINT)
        operator = read_object(data / "operator.json", START_HINT)
        internal, secret, registry = listener.get("url"), operator.get("secret"), listener.get("registry")
        if not isinstance(internal, str) or not isinstance(secret, str):
            raise UsageInvalid(f"internal.json or operator.json in {data} lacks a field.", START_HINT)
        return cls(server_address(internal), registry if isinstance(registry, str) else None, secret)

    def public(self, server: str | None = None) -> Login:
        """The operator at the management API."""
        return Login(server_address(server or self.registry), self.secret)


def data_folder() -> Path:
    """The data folder that MOORAGE_DATA names, else `data` here."""
    return Path(os.environ.get("MOORAGE_DATA") or DEFAULT_DATA)


def server_address(text: str | None) -> str:
    """The address of a registry as `http://host:port`. Raises UsageInvalid."""
    text = text or DEFAULT_SERVER
    address = text if "://" in text else f"http://{text}"
    try:
        parts = urlsplit(address)
        valid = parts.scheme in ("http", "https") and bool(HOST.fullmatch(parts.hostname or "")) and parts.port != 0
    except ValueError:
        valid = False
    if not valid or parts.username or parts.password or parts.query or parts.fragment:
        raise UsageInvalid(f"{text!r} is not the address of a registry.", "Write it as http://HOST:PORT.")
    return address.rstrip("/")


def _token_in(path: Path) -> str:
    try:
        text = sys.stdin.read() if str(path) == "-" else path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise UsageInvalid(f"{path} cannot be read: {reason}.", "Name a file with one token in it.") from None
    token = text.strip()
    if not token or len(token.split()) != 1:
        raise UsageInvalid(f"{path} does not hold one token.", "Write the token alone into it.")
    return token
