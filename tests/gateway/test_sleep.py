"""A gateway that slept reads what has arrived before it decides."""

from moorage.gateway.sleep import NAP_SECONDS, Sleep


def test_who_ticks_has_not_slept() -> None:
    """However long it goes on."""
    sleep = Sleep()
    for tenth in range(100):
        sleep.tick(tenth / 10)
        assert not sleep.slept(tenth / 10)


def test_a_gap_is_a_sleep_until_it_has_caught_up() -> None:
    """The first tick after it does not hide it."""
    sleep = Sleep()
    sleep.tick(0.0)
    woke = 5 * NAP_SECONDS
    assert sleep.slept(woke)
    sleep.tick(woke)
    sleep.tick(woke + 0.1)
    assert sleep.slept(woke + 0.2)
    sleep.caught_up(woke + 0.3)
    assert not sleep.slept(woke + 0.4)


def test_nobody_sleeps_before_it_began() -> None:
    """Without a tick nothing is known."""
    assert not Sleep().slept(1e9)
