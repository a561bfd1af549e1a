"""Consistency tokens: one spelling, one order (authorization.md §3.1, R72)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moorage.access.consistency import ORIGIN, ConsistencyToken

positions = st.integers(min_value=0, max_value=10**18 - 1)


@given(positions, positions)
def test_a_token_survives_its_spelling(epoch: int, seq: int) -> None:
    """What is written is read back the same."""
    token = ConsistencyToken(epoch, seq)
    assert ConsistencyToken.parse(str(token)) == token


def test_a_token_is_spelt_as_the_design_says() -> None:
    """`zt1.<epoch>.<seq>`."""
    assert str(ConsistencyToken(7, 88123403)) == "zt1.7.88123403"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "zt1",
        "zt1.7",
        "zt1.7.",
        "zt1..8",
        "zt2.7.8",
        "ZT1.7.8",
        "zt1.7.8.9",
        "zt1.-7.8",
        "zt1.7.+8",
        "zt1.7.8 ",
        " zt1.7.8",
        "zt1.7.8\n",
        "zt1.7.0x8",
        "zt1.7.1e3",
        "zt1.7." + "9" * 19,
        "zt1." + "9" * 19 + ".8",
        "7.8",
    ],
)
def test_nothing_else_is_a_token(text: str) -> None:
    """A token comes back from clients, so everything else is refused."""
    with pytest.raises(ValueError, match="zt1"):
        ConsistencyToken.parse(text)


@given(st.text(max_size=40))
def test_any_text_is_a_token_or_a_value_error(text: str) -> None:
    """No text raises anything else."""
    try:
        ConsistencyToken.parse(text)
    except ValueError:
        return


@given(st.tuples(positions, positions), st.tuples(positions, positions))
def test_tokens_are_ordered_by_epoch_and_then_by_seq(one: tuple[int, int], other: tuple[int, int]) -> None:
    """Whatever the new epoch's seq is, it is later than everything of the old one."""
    assert (ConsistencyToken(*one) < ConsistencyToken(*other)) == (one < other)
    assert (ConsistencyToken(*one) == ConsistencyToken(*other)) == (one == other)


@given(positions, positions)
def test_no_token_is_before_the_origin(epoch: int, seq: int) -> None:
    """Somebody who knows nothing waits for nothing."""
    assert ConsistencyToken(epoch, seq) >= ORIGIN
