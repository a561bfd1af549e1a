"""Errors on the wire: the specification's table, bodies that are pinned in files, and the way back."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from moorage.distribution.errors import parse, render
from moorage.oci import errors
from moorage.oci.errors import ErrorCode, RegistryError, Unavailable

GOLDEN = Path(__file__).resolve().parents[1] / "golden" / "errors"


def kinds(kind: type[RegistryError] = RegistryError) -> Iterator[type[RegistryError]]:
    """All errors of the vocabulary."""
    for each in kind.__subclasses__():
        if each.__module__ == errors.__name__:
            yield each
        yield from kinds(each)


EVERY_KIND = pytest.mark.parametrize("kind", sorted(set(kinds()), key=str))


def example(kind: type[RegistryError]) -> RegistryError:
    """One error of this kind, with all that an error may carry."""
    detail = {"limit": 7, "text": "ä\n\x00"}
    if issubclass(kind, Unavailable):
        return kind("in words", detail=detail, retry_after_seconds=3)
    return kind("in words", detail=detail, headers={"Retry-After": "3"})


def test_the_codes_are_those_of_the_specification() -> None:
    """The table of distribution-spec 1.1.1, "Error Codes", kept in a file, and ours for 503."""
    table = json.loads((GOLDEN / "codes.json").read_text())
    ours = {code.value[0]: code.status for code in ErrorCode}
    assert ours == {**table, "UNAVAILABLE": 503}


@EVERY_KIND
def test_an_error_has_the_body_that_is_pinned(kind: type[RegistryError]) -> None:
    """A client that parses it today parses it tomorrow."""
    answer = render(example(kind))
    pinned = json.loads((GOLDEN / f"{kind.__name__}.json").read_text())
    assert isinstance(answer.body, bytes)
    assert {"status": answer.status, "body": json.loads(answer.body)} == pinned
    assert answer.content_type == "application/json"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


@EVERY_KIND
def test_an_error_survives_the_wire(kind: type[RegistryError]) -> None:
    """Class, message, detail, status and headers; where two kinds look alike, the operation decides."""
    sent = example(kind)
    answer = render(sent)
    assert isinstance(answer.body, bytes)
    read = parse(answer.status, answer.headers, answer.body, expected=(kind,))
    assert (type(read), read.message, read.detail, read.status) == (kind, sent.message, sent.detail, sent.status)
    assert read.headers == {"Retry-After": "3"}


@pytest.mark.parametrize(
    ("status", "body", "expected", "kind"),
    [
        (404, b"", (errors.BlobUnknown,), errors.BlobUnknown),
        (404, b"", (), Unavailable),
        (503, b"", (errors.BlobUnknown,), Unavailable),
        (502, b"<html>", (), Unavailable),
        (400, b'{"errors":[]}', (), Unavailable),
        (400, b'{"errors":{"a":1}}', (), Unavailable),
        (400, b"[" * 200_000, (), Unavailable),
        (400, b'{"errors":[{"code":"NEW_CODE"}]}', (), Unavailable),
        (418, b'{"errors":[{"code":"DENIED","message":"no"}]}', (), errors.Denied),
        (413, b'{"errors":[{"code":"SIZE_INVALID"}]}', (errors.ManifestTooLarge,), errors.ManifestTooLarge),
        (413, b'{"errors":[{"code":"SIZE_INVALID"}]}', (), errors.BlobTooLarge),
        (507, b'{"errors":[{"code":"UNAVAILABLE","detail":[1]}]}', (), errors.StorageFull),
    ],
)
def test_any_answer_becomes_some_error(
    status: int, body: bytes, expected: tuple[type[RegistryError], ...], kind: type[RegistryError]
) -> None:
    """What can't be read is Unavailable; a HEAD has no body, so the operation says what its status means."""
    assert type(parse(status, {}, body, expected)) is kind
