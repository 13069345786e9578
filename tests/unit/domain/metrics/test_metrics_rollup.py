from havre.domain.metrics.rollup import LEVELS, Bucket, Point, chart, children, level_for, rolled

FINE, MINUTE, TEN, LONG = LEVELS
DAY = 86_400


def test_levels_keep_what_is_promised():
    assert [level.span // DAY for level in LEVELS] == [1, 7, 90, 730]
    assert [level.step for level in LEVELS] == [10, 60, 600, 7200]


def test_a_minute_is_worked_out_from_its_six_buckets():
    assert list(children(100, MINUTE, FINE)) == [600, 601, 602, 603, 604, 605]


def test_rolling_keeps_the_extremes_and_leaves_gaps_out_of_the_mean():
    assert rolled([Bucket(1, 2, 9), None, Bucket(0, 4, 5)]) == Bucket(0, 3, 9)
    assert rolled([None, None]) is None
    assert rolled([]) is None


def test_a_short_span_is_read_finely_and_a_long_or_old_one_coarsely():
    now = 1_800_000_000.0
    assert level_for(now - 3600, now, now) is FINE
    assert level_for(now - DAY, now, now) is MINUTE
    assert level_for(now - 7 * DAY, now, now) is TEN
    assert level_for(now - 30 * DAY, now, now) is LONG
    assert level_for(now - 900 * DAY, now, now) is LONG
    # An hour of two days ago is not there in tens of seconds any more, nor one of last month in minutes.
    assert level_for(now - 2 * DAY, now - 2 * DAY + 3600, now) is MINUTE
    assert level_for(now - 30 * DAY, now - 30 * DAY + 3600, now) is TEN


def test_a_chart_has_at_most_its_points_and_they_begin_at_multiples_of_their_width():
    buckets = [Bucket(each, each, each) for each in range(10)]
    assert chart(FINE, 103, buckets, 4) == (
        Point(1000, Bucket(0, 0, 0)),
        Point(1040, Bucket(1, 2.5, 4)),
        Point(1080, Bucket(5, 6.5, 8)),
        Point(1120, Bucket(9, 9, 9)),
    )


def test_gaps_stay_gaps():
    points = chart(FINE, 0, [Bucket(1, 1, 1), None, None, None], 5)
    assert [point.bucket for point in points] == [Bucket(1, 1, 1), None, None, None]
    assert chart(FINE, 0, [], 5) == ()
