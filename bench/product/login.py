"""Bearer tokens, as clients get them (the token flow of Distribution)."""

import base64
import json
import re
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass, field

from bench.names import IMAGES


@dataclass(frozen=True, slots=True)
class Login:
    """A user and a personal token of theirs."""

    account: str
    secret: str = field(repr=False)


def bearer(port: int, login: Login) -> str:
    """A fresh bearer token for all images of the bench: it lives for minutes, so each round has its own."""
    challenge = _challenge(port)
    query = [("service", challenge["service"]), ("client_id", "bench")]
    query += [("scope", f"repository:{image}:pull,push,delete") for image in IMAGES]
    basic = base64.b64encode(f"{login.account}:{login.secret}".encode()).decode()
    url = f"{challenge['realm']}?{urllib.parse.urlencode(query)}"
    request = urllib.request.Request(url, headers={"Authorization": f"Basic {basic}"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        token: str = json.load(answer)["token"]
        return token


def _challenge(port: int) -> dict[str, str]:
    try:
        urllib.request.urlopen(f"http://127.0.0.1:{port}/v2/", timeout=30).close()
    except urllib.error.HTTPError as unauthorized:
        with unauthorized:
            return dict(re.findall(r'(\w+)="([^"]*)"', unauthorized.headers["WWW-Authenticate"]))
    raise RuntimeError("the registry asks nobody who they are")
