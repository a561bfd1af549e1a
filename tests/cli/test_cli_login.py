"""Whose credential a command shows, and to whom: files and variables, never arguments."""

import json
from pathlib import Path

import pytest

from moorage.cli.arguments import image_name
from moorage.cli.failure import UsageInvalid
from moorage.cli.login import LoginOptions, OperatorLogin, server_address

CREDENTIALS = {"registry": "127.0.0.1:5123", "users": {"alice": {"username": "alice", "token": "mrg_pat_a"}}}


@pytest.fixture
def credentials(tmp_path: Path) -> Path:
    """A credentials file as `moorage serve --demo` writes it."""
    file = tmp_path / "credentials.json"
    file.write_text(json.dumps(CREDENTIALS), encoding="utf-8")
    return file


def test_a_user_of_the_credentials_file_brings_the_registry_along(credentials: Path) -> None:
    """So that nobody has to repeat the port of a demo."""
    login = LoginOptions(user="alice", credentials=credentials).login()
    assert (login.server, login.secret) == ("http://127.0.0.1:5123", "mrg_pat_a")


def test_a_named_server_wins(credentials: Path) -> None:
    """What was typed counts more than what was found."""
    assert LoginOptions("https://r.example", "alice", credentials).login().server == "https://r.example"


def test_an_unknown_user_is_answered_with_those_who_are_known(credentials: Path) -> None:
    """A slip in the name is easy to see."""
    with pytest.raises(UsageInvalid) as refusal:
        LoginOptions(user="alcie", credentials=credentials).login()
    assert refusal.value.remedy == "It knows alice."


def test_a_token_file_holds_the_token_alone(tmp_path: Path) -> None:
    """With or without a line end; anything else is refused before it is sent anywhere."""
    file = tmp_path / "token"
    file.write_text("mrg_pat_b\n", encoding="utf-8")
    assert LoginOptions(token_file=file).login().secret == "mrg_pat_b"
    file.write_text("user mrg_pat_b", encoding="utf-8")
    with pytest.raises(UsageInvalid):
        LoginOptions(token_file=file).login()


def test_a_login_does_not_show_its_secret(credentials: Path) -> None:
    """Neither in a log nor in a debugger (R145)."""
    assert "mrg_pat_a" not in repr(LoginOptions(user="alice", credentials=credentials).login())


def test_the_operator_is_found_in_the_data_folder(tmp_path: Path) -> None:
    """The running registry says where it listens."""
    listener = {"url": "http://127.0.0.1:41000", "registry": "http://127.0.0.1:5000"}
    (tmp_path / "internal.json").write_text(json.dumps(listener), encoding="utf-8")
    (tmp_path / "operator.json").write_text('{"secret": "mrg_svc_c"}', encoding="utf-8")
    operator = OperatorLogin.of(tmp_path)
    assert (operator.internal, operator.public().server) == ("http://127.0.0.1:41000", "http://127.0.0.1:5000")
    assert operator.public().secret == "mrg_svc_c"


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"secret": 7}', "\x00"])
def test_a_damaged_operator_file_is_a_sentence(tmp_path: Path, content: str) -> None:
    """Never a traceback."""
    (tmp_path / "internal.json").write_text('{"url": "http://a", "registry": "http://b"}', encoding="utf-8")
    (tmp_path / "operator.json").write_text(content, encoding="utf-8")
    with pytest.raises(UsageInvalid):
        OperatorLogin.of(tmp_path)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        (None, "http://127.0.0.1:5000"),
        ("127.0.0.1:6000", "http://127.0.0.1:6000"),
        ("https://registry.example/", "https://registry.example"),
        ("http://[::1]:5000", "http://[::1]:5000"),
    ],
)
def test_addresses_are_forgiving(text: str | None, address: str) -> None:
    """A scheme may be left out, a slash may be too many."""
    assert server_address(text) == address


@pytest.mark.parametrize(
    "text", ["ftp://x", "http://", "http://x:port", "http://u:p@x", "http://x?y", "http://[::1", " "]
)
def test_what_is_no_address_is_refused(text: str) -> None:
    """Before anything is sent, above all no secret."""
    with pytest.raises(UsageInvalid):
        server_address(text)


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("acme/hello/tool:1.0", 'Write "acme/hello/tool".'),
        ("acme/hello@sha256:aa", 'Write "acme/hello".'),
        ("127.0.0.1:5000/acme/hello", 'Write "acme/hello".'),
        ("localhost:5000/acme/hello:1@sha256:aa", 'Write "acme/hello".'),
        ("acme", "Write acme/NAME."),
        ("Acme/Hello", "Write WORKSPACE/NAME."),
        ("", "Write WORKSPACE/NAME."),
    ],
)
def test_the_usual_slips_in_an_image_name_have_an_answer(text: str, hint: str) -> None:
    """A tag, an address, a workspace alone, capitals."""
    with pytest.raises(UsageInvalid) as refusal:
        image_name(text)
    assert refusal.value.remedy == hint
