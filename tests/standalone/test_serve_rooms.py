"""The parts that `moorage serve` is made of, one by one: data folder, sockets, demo, guidance."""

import json
import os
import socket
import stat
from pathlib import Path

import pytest

from moorage.events.decoding import decode_fact
from moorage.standalone.data_folder import DataFolder
from moorage.standalone.demo import demo_facts
from moorage.standalone.errors import AddressUnusable, DataFolderTaken, DataFolderUnusable, PortTaken
from moorage.standalone.guidance import Guidance
from moorage.standalone.sockets import authority, bound, is_loopback


def mode_of(path: Path) -> int:
    """The permission bits."""
    return stat.S_IMODE(path.stat().st_mode)


def test_the_data_folder_is_its_owners_alone(tmp_path: Path) -> None:
    """Also if it existed before with wider modes."""
    (tmp_path / "data").mkdir(mode=0o755)
    folder = DataFolder(tmp_path / "data")
    folder.prepare()
    assert mode_of(folder.root) == (0o700 if os.geteuid() else 0o711)
    assert {mode_of(folder.blobs), mode_of(folder.secrets)} == {0o700}


def test_a_folder_that_can_not_be_made_is_told(tmp_path: Path) -> None:
    """With the reason of the operating system, in a sentence."""
    (tmp_path / "file").touch()
    with pytest.raises(DataFolderUnusable) as refusal:
        DataFolder(tmp_path / "file" / "data").prepare()
    assert refusal.value.remedy


def test_one_registry_at_a_time_holds_the_folder(tmp_path: Path) -> None:
    """The second is told where the first one answers; afterwards the folder is free again."""
    folder = DataFolder(tmp_path)
    with folder.held():
        with folder.announced({"registry": "http://127.0.0.1:5000"}):
            assert mode_of(folder.internal) == 0o600
            with pytest.raises(DataFolderTaken, match=r"http://127\.0\.0\.1:5000"), folder.held():
                pass
        assert not folder.internal.exists()
    with folder.held():
        pass


def test_a_taken_port_is_told_before_anything_starts() -> None:
    """And one that exists nowhere near."""
    with bound("127.0.0.1", 0) as taken:
        taken.listen()
        with pytest.raises(PortTaken):
            bound("127.0.0.1", taken.getsockname()[1])
    with pytest.raises(AddressUnusable):
        bound("192.0.2.1", 0)
    with pytest.raises(AddressUnusable):
        bound("no.such.host.invalid", 0)


@pytest.mark.parametrize(("host", "loopback"), [("127.0.0.1", True), ("127.1.2.3", True), ("localhost", True)])
def test_loopback_is_this_machine(host: str, loopback: bool) -> None:
    """All of 127.0.0.0/8."""
    assert is_loopback(host) is loopback


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.1", "registry.example", ""])
def test_other_addresses_are_not(host: str) -> None:
    """A name is not looked up: what it means may change."""
    assert not is_loopback(host)


def test_demo_facts_are_the_same_every_time() -> None:
    """Ids come from names, so seeding again changes nothing."""
    facts = [json.loads(line) for line in demo_facts("local", "2026-11-24T12:00:00Z").splitlines()]
    again = [json.loads(line) for line in demo_facts("local", "2026-11-25T12:00:00Z").splitlines()]
    assert [(fact["subject"], fact["data"]) for fact in facts] == [(fact["subject"], fact["data"]) for fact in again]
    assert [decode_fact(json.dumps(fact).encode()).key for fact in facts] == [fact["subject"] for fact in facts]
    assert len({fact["subject"] for fact in facts}) == len(facts)
    assert len({fact["id"] for fact in facts}) == len(facts)


def test_guidance_can_be_pasted_from_a_folder_with_a_space() -> None:
    """Paths are quoted for the shell, and no secret stands in a command (R148)."""
    folder = Path("my data")
    guidance = Guidance(
        registry="127.0.0.1:5000",
        internal="http://127.0.0.1:40000",
        data=folder,
        credentials=folder / "credentials.json",
        operator=folder / "operator.json",
    )
    for text in (guidance.demo(minted=True), guidance.demo(minted=False)):
        assert "'my data/credentials.json'" in text
        assert "docker login 127.0.0.1:5000 --username alice --password-stdin" in text
    assert "--data 'my data'" in guidance.empty()


def test_addresses_of_both_families_are_written_as_urls() -> None:
    """IPv6 stands in brackets."""
    with bound("127.0.0.1", 0) as four:
        assert authority(four) == f"127.0.0.1:{four.getsockname()[1]}"
    if socket.has_ipv6:
        try:
            six = bound("::1", 0)
        except AddressUnusable:
            pytest.skip("this machine has no IPv6 loopback")
        with six:
            assert authority(six) == f"[::1]:{six.getsockname()[1]}"
