from agents.cadence import Cadence


def due(cadence: Cadence, now_s: float, *levels: str) -> list[bool]:
    cadence.begin(now_s)
    return [cadence.level(level) for level in levels]


def test_a_level_that_is_not_named_is_always_due():
    cadence = Cadence({"region": 10})

    assert [due(cadence, now_s, "feeder") for now_s in (0, 0, 1)] == [[True]] * 3


def test_a_named_level_is_due_at_first_and_then_after_its_seconds():
    cadence = Cadence({"region": 10})

    assert [due(cadence, now_s, "region")[0] for now_s in (0, 1, 9, 10, 11, 20)] == [
        True,
        False,
        False,
        True,
        False,
        True,
    ]


def test_levels_do_not_disturb_each_other():
    cadence = Cadence({"region": 10, "fleet": 2})

    assert [due(cadence, now_s, "region", "fleet") for now_s in (0, 2, 10)] == [
        [True, True],
        [False, True],
        [True, True],
    ]


def test_a_level_stays_due_for_the_whole_turn():
    cadence = Cadence({"region": 10})
    cadence.begin(0)

    assert cadence.level("region")
    assert cadence.level("region")


def test_a_late_turn_is_made_up_for_once():
    cadence = Cadence({"region": 10})

    assert [due(cadence, now_s, "region")[0] for now_s in (0, 100, 101, 110)] == [True, True, False, True]


def test_a_level_that_is_not_named_has_the_default():
    cadence = Cadence({"region": 10}, 5)

    assert [due(cadence, now_s, "region", "feeder") for now_s in (1, 6, 11)] == [
        [True, True],
        [False, True],
        [True, True],
    ]


def test_a_level_that_nobody_asked_for_stays_due():
    cadence = Cadence({"region": 10})
    due(cadence, 1, "region")
    due(cadence, 11)

    assert due(cadence, 12, "region") == [True]


def test_a_turn_that_comes_a_moment_early_is_not_missed():
    cadence = Cadence({"region": 2}, slack_s=0.5)

    assert [due(cadence, now_s, "region")[0] for now_s in (0.02, 1.01, 2.01, 3.0, 4.04, 4.99)] == [
        True,
        False,
        True,
        False,
        True,
        False,
    ]
