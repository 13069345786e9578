from havre.domain.metrics.forecast import full_in, line

HOUR = 3600.0


def test_steady_growth_is_carried_on():
    points = [(hour * HOUR, 40 + hour) for hour in range(24)]
    assert full_in(points, 100, 23 * HOUR) == 37 * HOUR


def test_a_single_jump_and_a_cleaning_do_not_bend_the_line():
    points = [(hour * HOUR, 40 + hour + (500 if hour in {5, 6, 11} else 0)) for hour in range(24)]
    assert abs(line(points).slope * HOUR - 1) < 0.05


def test_what_shrinks_or_stands_is_never_full():
    assert full_in([(hour * HOUR, 40 - hour) for hour in range(24)], 100, 24 * HOUR) is None
    assert full_in([(hour * HOUR, 40) for hour in range(24)], 100, 24 * HOUR) is None


def test_a_time_beyond_a_year_is_not_told_and_few_points_tell_nothing():
    assert full_in([(hour * HOUR, 40 + hour * 0.0001) for hour in range(24)], 100, 24 * HOUR) is None
    assert full_in([(hour * HOUR, 40 + hour) for hour in range(3)], 100, 3 * HOUR) is None
    assert line([]) is None
    assert line([(1.0, 2.0)] * 10) is None


def test_many_points_are_thinned_out():
    found = line([(float(second), 2.0 * second) for second in range(5000)])
    assert found.slope == 2.0
