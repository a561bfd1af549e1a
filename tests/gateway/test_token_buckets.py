"""How often something may happen."""

from hypothesis import given
from hypothesis import strategies as st

from moorage.gateway.limits import Buckets


def test_a_burst_and_then_the_rate() -> None:
    """Five at once, then one a second."""
    buckets = Buckets(per_second=1, burst=5)
    assert [buckets.take("a", 0.0) for _ in range(6)] == [True] * 5 + [False]
    assert not buckets.has("a", 0.5)
    assert buckets.take("a", 1.0)
    assert not buckets.take("a", 1.5)


def test_keys_do_not_share() -> None:
    """One user's failures are not another's."""
    buckets = Buckets(per_second=1, burst=1)
    assert buckets.take("a", 0.0)
    assert buckets.take("b", 0.0)
    assert not buckets.take("a", 0.0)


def test_memory_is_bounded() -> None:
    """The key used least recently is forgotten."""
    buckets = Buckets(per_second=1, burst=1, most_keys=2)
    for key in ("a", "b", "c"):
        assert buckets.take(key, 0.0)
    assert buckets.take("a", 0.0)


@given(st.lists(st.floats(0, 2), max_size=50))
def test_never_more_than_burst_and_rate_allow(pauses: list[float]) -> None:
    """However the takes are spread."""
    buckets, now, taken = Buckets(per_second=1, burst=3), 0.0, 0
    for pause in pauses:
        now += pause
        taken += buckets.take("a", now)
    assert taken <= 3 + now + 1e-6
