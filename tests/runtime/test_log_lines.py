"""Log lines hold no secrets, can't be forged, and come in one stream whatever library wrote them (R145 to R149)."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from aiohttp.http_exceptions import BadHttpMessage
from hypothesis import given
from hypothesis import strategies as st

from moorage.runtime import logging as log_lines
from moorage.runtime.masking import MASK, masked_fields, masked_text, one_line, shown_query

SECRETS = [
    "mrg_pat_0123456789abcdefABCDEF",
    "mrg_svc_x1",
    "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJ1c2VyIn0.c2lnbmF0dXJl",
]


@pytest.fixture
def restored() -> Iterator[None]:
    """Logging as it was, afterwards."""
    root, before = logging.getLogger(), structlog.get_config()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.configure(**before)


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize("around", ["{}", "token {} given", "https://h/p?x={}&y=1", "('{}',)"])
def test_what_looks_like_a_secret_is_masked_in_any_text(secret: str, around: str) -> None:
    """Whatever stands around it."""
    assert masked_text(around.format(secret)) == around.format(MASK)


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("Authorization: Bearer abc.def-ghi", "Authorization: Bearer ***"),
        ("Authorization: Basic dXNlcjpwYXNz", "Authorization: Basic ***"),
        ("postgres://moorage:pa%20ss@db:5432/moorage", "postgres://***@db:5432/moorage"),
        ("https://s3/b/k?X-Amz-Signature=0a1b&X-Amz-Date=1", "https://s3/b/k?X-Amz-Signature=***&X-Amz-Date=1"),
        ("sha256:" + "0" * 64, "sha256:" + "0" * 64),
        ("zt1.1.2345", "zt1.1.2345"),
    ],
)
def test_secrets_are_known_by_what_stands_before_them(text: str, masked: str) -> None:
    """Digests and positions stay."""
    assert masked_text(text) == masked


def test_fields_are_masked_by_name_at_any_depth() -> None:
    """Consistency tokens are positions, not secrets."""
    fields: dict[str, object] = {
        "password": "x",
        "database": {"dsn": "x", "host": "db"},
        "refresh_token": "x",
        "Authorization": ["x"],
        "authz_token": "zt1.1.2",
        "tags": ["a", "mrg_pat_abc"],
        "secret": "",
        "tokens_left": 3,
    }
    assert masked_fields(fields) == {
        "password": MASK,
        "database": {"dsn": MASK, "host": "db"},
        "refresh_token": MASK,
        "Authorization": MASK,
        "authz_token": "zt1.1.2",
        "tags": ["a", MASK],
        "secret": "",
        "tokens_left": 3,
    }


@given(st.text())
def test_no_text_makes_a_second_line(text: str) -> None:
    """Escapes only, and plain ASCII stays as it is (R149)."""
    shown = one_line(text)
    assert shown.isascii()
    assert shown.isprintable() or shown == ""
    if text.isascii() and text.isprintable():
        assert shown == text


def test_a_query_shows_only_what_is_known_to_be_harmless() -> None:
    """Everything else keeps its name."""
    assert shown_query("n=1&password=x&tag=a%0Ab&a=b&last=") == "n=1&password=...&tag=a%0Ab&a=...&last="


@pytest.mark.usefixtures("restored")
def test_libraries_and_we_write_one_stream() -> None:
    """Through one chain: masked, escaped, one JSON object per line."""
    stream = io.StringIO()
    log_lines.configure("storage", stream=stream, as_json=True)
    structlog.stdlib.get_logger("ours").info("Stored a blob", size=3, name="a\nb", token="x")
    logging.getLogger("theirs").warning("connecting to %s", "postgres://u:p@h/d")
    try:
        raise ValueError("Bearer abc")
    except ValueError:
        logging.getLogger("theirs").exception("failed")
    ours, theirs, failed = (json.loads(line) for line in stream.getvalue().splitlines())
    assert (ours["event"], ours["service"], ours["level"], ours["size"]) == ("Stored a blob", "storage", "info", 3)
    assert (ours["name"], ours["token"]) == ("a\\nb", MASK)
    assert (theirs["event"], theirs["logger"]) == ("connecting to postgres://***@h/d", "theirs")
    assert "Bearer ***" in failed["exception"]


@pytest.mark.usefixtures("restored")
def test_malformed_requests_leave_no_traceback() -> None:
    """They are the client's affair, and counted elsewhere."""
    stream = io.StringIO()
    log_lines.configure("storage", stream=stream, as_json=True)
    error: Any = BadHttpMessage("odd")
    logging.getLogger("aiohttp.server").error("Error handling request", exc_info=error)
    assert stream.getvalue() == ""


@pytest.mark.usefixtures("restored")
def test_a_terminal_gets_lines_for_people() -> None:
    """The same fields, not as JSON."""
    stream = io.StringIO()
    log_lines.configure("storage", stream=stream, as_json=False)
    structlog.stdlib.get_logger("ours").info("Stored a blob\nforged", password="x")
    assert "Stored a blob\\nforged" in stream.getvalue()
    assert len(stream.getvalue().splitlines()) == 1
