"""What may be decided here at which age of the facts (authorization.md §3.3), row by row."""

from math import inf

import pytest

from moorage.access.action import Action
from moorage.access.image import Visibility
from moorage.gateway.consistency import Bounds, Ground, Tier, ground
from moorage.gateway.stream_age import StreamAge

LOCAL, ASK = Ground.LOCAL, Ground.AUTHORITY
INHERIT, WORKSPACE, PUBLIC = Visibility.INHERIT, Visibility.WORKSPACE, Visibility.PUBLIC

TABLE = [
    # tier, pull inherit, pull workspace, pull public, push, everything else
    (Tier.FRESH, LOCAL, LOCAL, LOCAL, LOCAL, ASK),
    (Tier.AGING, LOCAL, LOCAL, LOCAL, LOCAL, ASK),
    (Tier.STALE_W, LOCAL, LOCAL, LOCAL, ASK, ASK),
    (Tier.STALE_P, LOCAL, LOCAL, LOCAL, ASK, ASK),
    (Tier.STALE_R, ASK, ASK, LOCAL, ASK, ASK),
    (Tier.STALE_PUBLIC, ASK, ASK, ASK, ASK, ASK),
]


@pytest.mark.parametrize(
    ("seconds", "tier"),
    [
        (-1, Tier.FRESH),
        (0, Tier.FRESH),
        (5, Tier.FRESH),
        (5.01, Tier.AGING),
        (30, Tier.AGING),
        (30.01, Tier.STALE_W),
        (120, Tier.STALE_W),
        (120.01, Tier.STALE_P),
        (300, Tier.STALE_P),
        (300.01, Tier.STALE_R),
        (900, Tier.STALE_R),
        (900.01, Tier.STALE_PUBLIC),
        (inf, Tier.STALE_PUBLIC),
    ],
)
def test_the_default_bounds(seconds: float, tier: Tier) -> None:
    """A bound belongs to the fresher tier."""
    assert Bounds().tier(seconds) is tier


@pytest.mark.parametrize(("tier", "inherit", "workspace", "public", "push", "others"), TABLE)
def test_what_each_tier_allows(
    tier: Tier, inherit: Ground, workspace: Ground, public: Ground, push: Ground, others: Ground
) -> None:
    """The table of §3.3."""
    assert ground(Action.PULL, INHERIT, tier) is inherit
    assert ground(Action.PULL, WORKSPACE, tier) is workspace
    assert ground(Action.PULL, PUBLIC, tier) is public
    assert ground(Action.PUSH, PUBLIC, tier) is push
    for action in (Action.DELETE, Action.DELETE_TAG, Action.MANAGE):
        assert ground(action, PUBLIC, tier) is others


@pytest.mark.parametrize("tier", list(Tier))
def test_the_serve_stale_switch_is_for_pulls_only(tier: Tier) -> None:
    """Push and delete have no such switch."""
    assert ground(Action.PULL, INHERIT, tier, serve_stale=True) is LOCAL
    assert ground(Action.DELETE, INHERIT, tier, serve_stale=True) is ASK
    assert ground(Action.PUSH, INHERIT, tier, serve_stale=True) is ground(Action.PUSH, INHERIT, tier)


def test_without_a_frame_the_stream_is_infinitely_old() -> None:
    """Silence is not freshness."""
    assert StreamAge().seconds(12.0) == inf


def test_the_age_counts_from_the_newest_frame() -> None:
    """By the local clock alone."""
    age = StreamAge()
    age.heard(5_000, 100.0)
    assert age.seconds(103.5) == 3.5


def test_a_frame_that_waited_in_a_buffer_is_as_old_as_it_is() -> None:
    """The process slept a minute; what it reads first on waking was sent when it fell asleep."""
    age = StreamAge()
    age.heard(5_000, 100.0)
    assert age.heard(6_000, 160.0) == 59.0
    assert age.seconds(160.0) == 59.0
    assert age.heard(65_000, 160.0) == 0.0
    assert age.seconds(160.0) == 0.0


def test_another_connection_has_another_clock() -> None:
    """The sender's clock is used for differences within a connection only."""
    age = StreamAge()
    age.heard(5_000, 100.0)
    age.connected()
    assert age.heard(1_000, 107.0) == 0.0
    assert age.seconds(108.0) == 1.0
