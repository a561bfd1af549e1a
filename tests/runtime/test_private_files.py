"""Small files that only their owner may read."""

import os
import stat
from pathlib import Path

import pytest

from moorage.runtime import private_file


def test_a_private_file_is_whole_or_not_there(tmp_path: Path) -> None:
    """0600 whatever the umask, and replaced, not appended to."""
    file = tmp_path / "new" / "secret.json"
    before = os.umask(0)
    try:
        private_file.write(file, {"a": 1})
        private_file.write(file, {"b": 2})
    finally:
        os.umask(before)
    assert (private_file.read(file), stat.S_IMODE(file.stat().st_mode)) == ({"b": 2}, 0o600)
    assert [path.name for path in file.parent.iterdir()] == ["secret.json"]


@pytest.mark.parametrize(
    "content", [None, b"", b"[]", b"{", b"\xff"], ids=["missing", "empty", "list", "half", "latin"]
)
def test_what_is_not_an_object_reads_as_an_empty_one(tmp_path: Path, content: bytes | None) -> None:
    """Whoever needs a field asks for it, and finds out."""
    file = tmp_path / "some.json"
    if content is not None:
        file.write_bytes(content)
    assert private_file.read(file) == {}


def test_a_file_may_be_there_for_a_while(tmp_path: Path) -> None:
    """And somebody else may have removed it by then."""
    file = tmp_path / "here.json"
    with private_file.written(file, {"url": "x"}):
        assert private_file.read(file) == {"url": "x"}
    assert not file.exists()
    with private_file.written(file, {}):
        file.unlink()
