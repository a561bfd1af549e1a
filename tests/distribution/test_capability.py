"""Capabilities: good for the one request that they were signed for, and for nothing else."""

import base64
from dataclasses import replace
from typing import Final

import pytest

from moorage.distribution.capability import Capability, CapabilityInvalid, CapabilitySigner
from moorage.distribution.content import Actor

NOW: Final = 1_800_000_000
TARGET: Final = "/v2/6f0e1a4c-0000-4000-8000-000000000001/blobs/uploads/6f0e1a4c-0000-4000-8000-000000000002?digest=x"
GIVEN: Final = Capability(
    "PUT", TARGET, "acme/tool", Actor("user:1 (ä)", 3, "zt1.1.2.3", token_is_local=True), NOW + 30
)
SIGNER: Final = CapabilitySigner("the service token of this test")


def test_it_says_what_was_signed() -> None:
    assert SIGNER.read(SIGNER.sign(GIVEN), "PUT", TARGET, NOW) == GIVEN


@pytest.mark.parametrize(
    ("method", "target", "now"),
    [
        ("PATCH", TARGET, NOW),
        ("PUT", TARGET + "x", NOW),
        ("PUT", TARGET.partition("?")[0], NOW),
        ("PUT", TARGET.upper(), NOW),
        ("PUT", TARGET, NOW + 30),
    ],
)
def test_it_is_for_one_request_and_a_moment(method: str, target: str, now: int) -> None:
    with pytest.raises(CapabilityInvalid):
        SIGNER.read(SIGNER.sign(GIVEN), method, target, now)


def test_nobody_else_makes_one() -> None:
    stranger = CapabilitySigner("another service token altogether")
    with pytest.raises(CapabilityInvalid, match="not made by a gateway"):
        SIGNER.read(stranger.sign(GIVEN), "PUT", TARGET, NOW)


@pytest.mark.parametrize("text", ["", ".", "a.b", "ä.ö", "{}", "." + 64 * "0", "\udcff", "e30=." + 64 * "f"])
def test_what_is_no_capability_is_refused(text: str) -> None:
    with pytest.raises(CapabilityInvalid):
        SIGNER.read(text, "PUT", TARGET, NOW)


def test_every_bit_of_it_counts() -> None:
    payload, _, mac = SIGNER.sign(GIVEN).partition(".")
    other = SIGNER.sign(replace(GIVEN, name="acme/other"))
    for forged in (f"{other.partition('.')[0]}.{mac}", f"{payload}.{mac[:-1]}", f"{payload}.{mac.upper()}", payload):
        with pytest.raises(CapabilityInvalid):
            SIGNER.read(forged, "PUT", TARGET, NOW)


def test_it_tells_no_secret() -> None:
    payload = SIGNER.sign(GIVEN).partition(".")[0]
    assert b"service token" not in base64.urlsafe_b64decode(payload)
