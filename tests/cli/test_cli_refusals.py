"""Whatever is typed, and whatever answers: one sentence what, one what to do, an exit code, never a traceback."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from moorage.cli.__main__ import run
from moorage.cli.exit_code import ExitCode
from servers.ports import free_port

TYPED = [
    (["chek"], "No such command"),
    (["image", "show"], "Missing argument"),
    (["image", "show", "acme/hello", "extra"], "unexpected extra argument"),
    (["image", "show", "ACME/Hello"], "is not an image name"),
    (["image", "show", "acme"], "names a workspace only"),
    (["image", "show", "acme/hello:1.0"], "the name alone is meant"),
    (["image", "show", "acme/" + "x" * 300], "is not an image name"),
    (["image", "show", "acme/héllo"], "is not an image name"),
    (["image", "show", "acme/a\x1b[31mb"], "is not an image name"),
    (["image", "create", "acme/hello"], "Missing option"),
    (["image", "set", "acme/hello", "--as", "alice"], "Nothing to set"),
    (["image", "set", "acme/hello", "--visibility", "everybody"], "Invalid value"),
    (["image", "create", "acme/hello", "--repository", "hello"], "needs a credential"),
    (["image", "list", "acme", "--as", "alice"], "does not exist"),
    (["image", "list", "acme", "--token-file", "no-such-file"], "cannot be read"),
    (["image", "list", "acme", "--server", "ftp://x"], "is not the address of a registry"),
    (["check", "acme/hello", "lick"], "Invalid value"),
    (["check", "acme/hello"], "Missing argument"),
    (["token", "create", "x", "--days", "0", "--as", "alice"], "Invalid value"),
    (["token", "create", "x", "--scope", "image:everything"], "Invalid value"),
    (["token", "create", "", "--user", "alice"], "name"),
    (["token", "create", "x", "--user", "alice"], "does not exist"),
    (["token", "revoke", "not-a-uuid"], "is not an id"),
    (["facts", "apply", "no-such-file"], "cannot be read"),
    (["facts", "apply", "."], "cannot be read"),
    (["serve", "--port", "70000"], "Invalid value"),
    (["serve", "--log-level", "loud"], "not a log level"),
    (["serve", "--demo", "--host", "0.0.0.0"], "reachable from other machines"),
]


@pytest.mark.parametrize(("arguments", "told"), TYPED, ids=[" ".join(case[0])[:40] for case in TYPED])
def test_a_slip_on_the_command_line_is_told(
    arguments: list[str], told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2: nothing was sent, nothing was changed."""
    operator = ["--data", str(tmp_path)] if arguments[0] in ("facts", "serve") or "--user" in arguments else []
    credentials = ["--credentials-file", str(tmp_path / "none.json")] if "--as" in arguments else []
    code = run([*arguments, *operator, *credentials])
    seen = capsys.readouterr()
    assert told in " ".join(seen.err.split())
    assert "Traceback" not in seen.err
    assert code == (ExitCode.FAILED if arguments[0] == "serve" and "--host" in arguments else ExitCode.USAGE)


def test_a_control_character_does_not_reach_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    """What was typed is shown escaped."""
    run(["image", "show", "acme/\x1b]0;owned\x07"])
    assert "\x1b]0" not in capsys.readouterr().err


def test_a_registry_that_is_not_there_is_exit_code_3(capsys: pytest.CaptureFixture[str]) -> None:
    """And says how to start one."""
    code = run(["image", "list", "acme", "--server", f"http://127.0.0.1:{free_port()}"])
    seen = capsys.readouterr()
    assert (code, seen.out) == (ExitCode.UNREACHABLE, "")
    assert "cannot be reached: connection refused" in seen.err
    assert "make run" in seen.err


class Stranger(BaseHTTPRequestHandler):
    """Answers every request with what the server holds for it."""

    def do_GET(self) -> None:
        """One fixed answer."""
        status, kind, body = self.server.answer  # type: ignore[attr-defined] # set where the server is made
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Silent."""


@contextmanager
def stranger(status: int, kind: str, body: bytes) -> Iterator[str]:
    """The address of a server that is none of ours."""
    with HTTPServer(("127.0.0.1", 0), Stranger) as server:
        server.answer = (status, kind, body)  # type: ignore[attr-defined] # read by the handler
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


PROBLEM = {"type": "https://moorage.dev/problems/forbidden", "detail": "you need ADMIN", "status": 403}


@pytest.mark.parametrize(
    ("status", "body", "code", "told"),
    [
        (200, b"<html>welcome</html>", ExitCode.FAILED, "in a way Moorage does not"),
        (200, b"{}", ExitCode.FAILED, "not in the form this version knows"),
        (200, b"[]", ExitCode.FAILED, "not in the form this version knows"),
        (404, b'{"error": "no such page"}', ExitCode.FAILED, "answered 404"),
        (502, b"Bad Gateway", ExitCode.FAILED, "answered 502"),
        (403, json.dumps(PROBLEM).encode(), ExitCode.FAILED, "You need ADMIN."),
        (503, json.dumps(PROBLEM | {"status": 503}).encode(), ExitCode.UNREACHABLE, "You need ADMIN."),
        (400, b'{"type": 7, "status": "x"}', ExitCode.FAILED, "answered 400"),
        (302, b"", ExitCode.FAILED, "answered 302"),
    ],
)
def test_whatever_a_server_answers_is_told(
    status: int, body: bytes, code: ExitCode, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A proxy's page, another registry, a refusal of ours."""
    with stranger(status, "application/json", body) as address:
        assert run(["image", "list", "acme", "--server", address]) == code
    seen = capsys.readouterr()
    assert told in " ".join(seen.err.split())
    assert "Traceback" not in seen.err


def test_the_doctor_looks_at_a_stranger(capsys: pytest.CaptureFixture[str]) -> None:
    """And says that this is no registry, with exit code 1."""
    with stranger(200, "text/html", b"<html>") as address:
        assert run(["doctor", "--server", address, "--data", "no-such-folder", "--json"]) == ExitCode.FAILED
    findings = {finding["title"]: finding for finding in json.loads(capsys.readouterr().out)}
    assert findings["server"]["health"] == "ok"
    assert findings["challenge"]["health"] == "failed"
    assert findings["challenge"]["remedy"]


def test_version_for_people_and_for_programs(capsys: pytest.CaptureFixture[str]) -> None:
    """The same facts in both forms."""
    assert run(["version"]) == ExitCode.OK
    assert capsys.readouterr().out.startswith("moorage ")
    assert run(["version", "--json"]) == ExitCode.OK
    assert set(json.loads(capsys.readouterr().out)) == {"moorage", "python"}


COMMANDS = [
    "serve",
    "image create",
    "image list",
    "image set",
    "token create",
    "facts apply",
    "check",
    "explain",
    "doctor",
]


@pytest.mark.parametrize("command", COMMANDS)
def test_help_teaches_with_an_example(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A line that can be typed as it stands."""
    assert run([*command.split(), "--help"]) == ExitCode.OK
    assert f"moorage {command}" in " ".join(capsys.readouterr().out.replace("Usage:", "").split("Options")[0].split())
