"""Looks at a registry from outside, as a client does: reachable, challenge, clock, token round trip."""

import base64
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final
from urllib.parse import urlsplit

from moorage.cli.diagnosis.challenge import Challenge, ChallengeInvalid, parse_challenge
from moorage.cli.diagnosis.finding import Finding, failed, ok, skipped, warning
from moorage.cli.failure import Unreachable
from moorage.cli.http_client import HttpClient, Reply
from moorage.cli.login import Login

SKEW_OK: Final = 5.0
SKEW_BAD: Final = 60.0
"""Seconds; tokens are accepted up to a minute before and after their time."""
REALM_REMEDY: Final = "Set the registry's public URL to the address that clients use (moorage serve --public-url)."


async def examine_server(login: Login) -> list[Finding]:
    """One finding per question; the first failure of a chain makes the later ones moot."""
    async with HttpClient(Login(login.server, None)) as client:
        try:
            sent = datetime.now(UTC)
            reply = await client.raw("GET", "/v2/")
        except Unreachable as failure:
            return [failed("server", failure.what, failure.remedy)]
    findings = [ok("server", f"{login.server} answers"), clock(reply.headers, sent)]
    try:
        challenge = _challenge(reply)
    except ChallengeInvalid as error:
        return [*findings, failed("challenge", f"{error}.", "Check that this is a Moorage registry, and its proxy.")]
    findings.append(ok("challenge", f"tokens come from {challenge.realm} for service {challenge.service!r}"))
    return [*findings, await _realm(challenge, login.server), await _round_trip(challenge, login)]


def clock(headers: Mapping[str, str], now: datetime) -> Finding:
    """How far this machine's clock is from the server's."""
    try:
        skew = (parsedate_to_datetime(headers.get("Date", "")) - now).total_seconds()
    except (TypeError, ValueError):
        return skipped("clock", "the answer has no Date")
    seen = f"the server's clock is {abs(skew):.0f} s {'ahead of' if skew > 0 else 'behind'} this machine's"
    if abs(skew) <= SKEW_OK:
        return ok("clock", "the server's clock agrees with this machine's")
    judge = failed if abs(skew) > SKEW_BAD else warning
    return judge("clock", seen, "Synchronise both clocks (NTP); tokens depend on them.")


def _challenge(reply: Reply) -> Challenge:
    if reply.status != 401:
        raise ChallengeInvalid(f"GET /v2/ answered {reply.status}, and a challenge with 401 is expected")
    return parse_challenge(reply.headers.get("WWW-Authenticate"))


async def _realm(challenge: Challenge, server: str) -> Finding:
    try:
        reply = await _ask_token(challenge, None)
    except Unreachable as failure:
        return failed("token endpoint", failure.what, REALM_REMEDY)
    if reply.status >= 500 or reply.status == 404:
        return failed("token endpoint", f"{challenge.realm} answers {reply.status}", REALM_REMEDY)
    if urlsplit(challenge.realm).netloc != urlsplit(server).netloc:
        return warning("token endpoint", f"{challenge.realm} is another address than {server}", REALM_REMEDY)
    return ok("token endpoint", f"{challenge.realm} answers")


async def _round_trip(challenge: Challenge, login: Login) -> Finding:
    if login.secret is None:
        return skipped("token", "no credential was given", "Add --as USER to try one.")
    try:
        reply = await _ask_token(challenge, login.secret)
        bearer = reply.content.get("token") if isinstance(reply.content, dict) else None
        if reply.status != 200 or not isinstance(bearer, str):
            return failed("token", f"the credential is answered with {reply.status}", "Use a token that is valid here.")
        async with HttpClient(Login(login.server, bearer)) as client:
            answer = await client.raw("GET", "/v2/")
    except Unreachable as failure:
        return failed("token", failure.what, failure.remedy)
    if answer.status != 200:
        return failed(
            "token",
            f"the registry answers its own bearer token with {answer.status}",
            "Its log says why; check clocks.",
        )
    return ok("token", "the credential gives a bearer token, and the registry accepts it")


async def _ask_token(challenge: Challenge, secret: str | None) -> Reply:
    parts = urlsplit(challenge.realm)
    headers = {}
    if secret is not None:
        headers["Authorization"] = "Basic " + base64.b64encode(f"token:{secret}".encode()).decode()
    async with HttpClient(Login(f"{parts.scheme}://{parts.netloc}", None)) as client:
        return await client.raw("GET", parts.path, params={"service": challenge.service}, headers=headers)
