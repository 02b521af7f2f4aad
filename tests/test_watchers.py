"""How often the views of a training tick for how many who watch."""

from __future__ import annotations

from vaelab.ui.train.watchers import LATE, MOST, SLOWEST, Watchers, needed


def test_the_server_gets_a_few_ticks_a_second_however_many_watch() -> None:
    assert needed(1) == needed(MOST) == 1.0
    assert needed(MOST + 1) == 2.0
    assert needed(20) == 4.0
    assert all(count / needed(count) <= MOST for count in range(1, int(MOST * SLOWEST) + 1))
    assert needed(10_000) == SLOWEST


def test_those_who_watch_are_counted_until_they_are_gone() -> None:
    now = [100.0]
    watchers = Watchers(lambda: now[0])
    for k in range(MOST):
        assert watchers.pace(f"page {k}") == 1.0
    assert watchers.pace("page 0", 1.0) == 1.0  # the same page again is no other one
    assert watchers.pace("one more") == 2.0
    assert watchers.pace("page 0", 1.0) == 2.0
    now[0] += LATE * 1.0 + 0.1  # all but the last two, who tick every two seconds, have been silent for three ticks
    assert watchers.pace("one more", 2.0) == 1.0


def test_one_who_comes_and_goes_does_not_change_the_pace_to_and_fro() -> None:
    now = [0.0]
    watchers = Watchers(lambda: now[0])
    crowd = [f"page {k}" for k in range(MOST + 1)]
    assert [watchers.pace(page) for page in crowd][-1] == 2.0
    now[0] = 1.0
    assert [watchers.pace(page, 1.0) for page in crowd[:-1]] == [2.0] * MOST
    now[0] = 6.9  # of all the last one alone has not ticked again
    assert watchers.pace(crowd[0], 2.0) == 2.0  # six are left, which alone would be no reason for two seconds
    assert watchers.pace("new") == 2.0
