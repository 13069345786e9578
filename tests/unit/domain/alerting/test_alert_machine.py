from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from havre.domain.alerting.machine import Change, Patience, Phase, State, is_beyond, look

START = datetime(2026, 11, 30, 12, tzinfo=UTC)
PATIENCE = Patience(timedelta(seconds=60), timedelta(seconds=120))


def seen(looks, *, patience=PATIENCE, step=30, state=None, start=START):
    """The changes, by the number of the look, and the last state. ``x`` is bad, ``.`` good, ``?`` unknown."""
    state, changes = state or State(), []
    for number, each in enumerate(looks):
        is_bad = {"x": True, ".": False, "?": None}[each]
        now = start + timedelta(seconds=step * number)
        state, change = look(state, is_bad=is_bad, patience=patience, now=now)
        if change:
            changes.append((number, change))
    return changes, state


def test_a_short_trouble_is_no_incident():
    assert seen("..xx..xx..") == ([], State(Phase.OK, START + timedelta(seconds=240)))


def test_one_alert_for_an_incident_and_one_for_its_end():
    assert seen("..xxxxxxx.......")[0] == [(4, Change.BEGAN), (13, Change.OVER)]


def test_good_for_a_moment_does_not_end_it():
    changes, state = seen("xxxx..x..x..x")
    assert changes == [(2, Change.BEGAN)]
    assert state.phase == Phase.FIRING
    assert len(state.flaps) == 3
    assert state.is_flapping


def test_each_flap_doubles_the_time_that_good_has_to_last():
    # One flap at look 5: then good has to last 240 s, eight looks after the first good one.
    assert seen("xxx..x" + "." * 12)[0] == [(2, Change.BEGAN), (14, Change.OVER)]


def test_what_comes_again_soon_after_its_end_flaps_and_after_an_hour_does_not():
    _, over = seen("xxx.....")
    assert over.ended
    _, again = seen("xxx", state=over, start=START + timedelta(minutes=20))
    assert len(again.flaps) == 1
    _, later = seen("xxx", state=over, start=START + timedelta(minutes=120))
    assert later.flaps == ()


def test_unknown_changes_nothing():
    changes, state = seen("xxx???????")
    assert changes == [(2, Change.BEGAN)]
    assert state.phase == Phase.FIRING
    assert seen("?????")[0] == []


def test_what_needs_no_patience_is_told_at_once():
    assert seen("x.", patience=Patience())[0] == [(0, Change.BEGAN), (1, Change.OVER)]


def test_who_finds_it_may_be_patient_enough():
    looks = "xx.." * 5
    assert len(seen(looks, patience=Patience())[0]) < len(looks) // 2
    assert len(seen(looks, patience=Patience(is_doubled=False))[0]) == len(looks) // 2


def test_something_that_flaps_all_day_is_told_a_few_times_only():
    looks = ("xxxx" + "....." * 2) * 200  # every seven minutes, for a day
    changes, _ = seen(looks)
    began = [number for number, change in changes if change == Change.BEGAN]
    assert len(began) <= 3


def test_hysteresis():
    limits = {"enter": 0.9, "leave": 0.8}
    assert [is_beyond(value, was=False, **limits) for value in (0.89, 0.9, None)] == [False, True, None]
    assert [is_beyond(value, was=True, **limits) for value in (0.8, 0.79)] == [True, False]


@given(st.text("x.?", max_size=200), st.integers(0, 200), st.integers(0, 200), st.integers(1, 100))
def test_began_and_over_alternate_and_states_survive_being_stored(looks, bad, good, step):
    patience = Patience(timedelta(seconds=bad), timedelta(seconds=good))
    changes, state = seen(looks, patience=patience, step=step)
    kinds = [change for _, change in changes]
    assert kinds == [Change.BEGAN, Change.OVER] * (len(kinds) // 2) + [Change.BEGAN] * (len(kinds) % 2)
    assert state.is_incident == bool(len(kinds) % 2)
    assert State.stored(state.as_data()) == state
