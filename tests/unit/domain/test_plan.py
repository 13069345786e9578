"""Plans by value: what is shown for which difference, and that nothing is left after it was done."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from havre.domain.drift import Drift, State
from havre.domain.fields import Field
from havre.domain.plan import Action, Change, Kind, Part, Picture, Plan, Running, from_data, moved, plan


def service(name: str = "api", *, stops_first: bool = False, **facts: str) -> Part:
    found = {path.replace("_", "."): text for path, text in facts.items()}
    return Part(name, Kind.SERVICE, found, json.dumps(found, sort_keys=True), stops_first)


def database(name: str = "db", **facts: str) -> Part:
    part = service(name, **facts)
    return Part(name, Kind.DATABASE, part.facts, part.fingerprint, stops_first=True)


def route(place: str, **facts: str) -> Part:
    return Part(place, Kind.ROUTE, facts)


def picture(*parts: Part, commit: str = "a") -> Picture:
    return Picture("production", parts, {"commit": commit})


def running(*parts: Part, drift: tuple[Drift, ...] = ()) -> Running:
    return Running({part.name: part.fingerprint for part in parts if part.fingerprint}, drift=drift)


def only(made: Plan) -> Change:
    assert len(made.changes) == 1, made
    return made.changes[0]


API, DB, ROUTE = service(image="1"), database(version="17"), route("shop.example/", service="api")


def test_the_first_deployment_creates_everything_databases_first() -> None:
    made = plan(
        Picture(), Picture("production", (API, DB, ROUTE), {}, frozenset({(Kind.VOLUME, "v")})), Running()
    )
    assert [(c.action, c.kind) for c in made.changes] == [
        (Action.CREATE, kind)
        for kind in (Kind.ENVIRONMENT, Kind.VOLUME, Kind.DATABASE, Kind.SERVICE, Kind.ROUTE)
    ]
    assert not made.dangers


def test_a_changed_service_is_replaced_with_the_differing_fields_and_without_interruption() -> None:
    change = only(plan(picture(API), picture(service(image="2", env_A="x")), running(API)))
    assert (change.action, change.interrupts, change.destructive) == (Action.REPLACE, False, False)
    assert change.fields == (Field("env.A", "", "x"), Field("image", "1", "2"))


def test_a_service_that_comes_to_stop_first_interrupts() -> None:
    change = only(plan(picture(API), picture(service(image="2", stops_first=True)), running(API)))
    assert (change.action, change.interrupts, change.destructive) == (Action.REPLACE, True, False)


def test_what_no_task_notices_is_updated_in_place() -> None:
    before = Part("api", Kind.SERVICE, {"replicas": "1", "drain": "5"}, "same", stops_first=True)
    after = Part("api", Kind.SERVICE, {"replicas": "3", "drain": "9"}, "same", stops_first=True)
    change = only(plan(picture(before), picture(after), running(before)))
    assert (change.action, change.interrupts) == (Action.UPDATE, False)


def test_a_database_whose_settings_change_restarts_in_place() -> None:
    change = only(plan(picture(DB), picture(database(version="18")), running(DB)))
    assert (change.action, change.kind, change.interrupts) == (Action.UPDATE, Kind.DATABASE, True)
    assert not change.destructive


def test_leaving_a_volume_is_destructive() -> None:
    before = database(volumes_data="/data")
    assert only(plan(picture(before), picture(database(x="y")), running(before))).destructive


def test_what_the_manifest_does_not_name_any_more_is_deleted_last() -> None:
    made = plan(picture(API, DB, ROUTE), picture(service("new")), running(API, DB))
    assert [(c.action, c.name, c.destructive, c.interrupts) for c in made.changes] == [
        (Action.CREATE, "new", False, False),
        (Action.DELETE, "shop.example/", False, True),
        (Action.DELETE, "api", True, True),
        (Action.DELETE, "db", True, True),
    ]


def test_a_domain_that_moves_is_seen_on_both_sides() -> None:
    elsewhere = route("new.example/", service="api")
    made = plan(picture(API, ROUTE), picture(API, elsewhere), running(API))
    assert [(c.action, c.name) for c in made.changes] == [
        (Action.CREATE, "new.example/"),
        (Action.DELETE, "shop.example/"),
    ]
    other = route("shop.example/", service="web")
    assert only(plan(picture(API, ROUTE), picture(API, other), running(API))).action is Action.UPDATE


def test_another_commit_alone_is_a_change() -> None:
    change = only(plan(picture(API), picture(API, commit="b"), running(API)))
    assert (change.action, change.kind, change.fields) == (
        Action.UPDATE,
        Kind.ENVIRONMENT,
        (Field("commit", "a", "b"),),
    )


def test_a_kind_that_changes_is_destructive() -> None:
    assert only(plan(picture(DB), picture(service("db", image="1")), running(DB))).destructive


BY_HAND = Drift("service", "api", State.CHANGED, (Field("env.X", "", "hidden:1"),))
SCALED = Drift("service", "api", State.CHANGED, (Field("replicas", "1", "4"),))


def test_what_was_changed_by_hand_starts_anew_and_the_number_of_tasks_does_not() -> None:
    anew = only(plan(picture(API), picture(API), running(API, drift=(BY_HAND,))))
    assert (anew.action, anew.fields) == (Action.REPLACE, (Field("env.X", "hidden:1", ""),))
    scaled = only(plan(picture(API), picture(API), running(API, drift=(SCALED,))))
    assert (scaled.action, scaled.fields) == (Action.UPDATE, (Field("replicas", "4", "1"),))


def test_taking_away_a_volume_that_was_added_by_hand_destroys_nothing() -> None:
    added = Drift("service", "api", State.CHANGED, (Field("volumes./x", "", "volume y"),))
    change = only(plan(picture(API), picture(API), running(API, drift=(added,))))
    assert (change.action, change.destructive) == (Action.REPLACE, False)
    assert change.fields == (Field("volumes./x", "volume y", ""),)


def test_what_is_gone_from_the_engine_is_created() -> None:
    missing = Drift("service", "api", State.MISSING)
    change = only(plan(picture(API), picture(API), Running(drift=(missing,))))
    assert (change.action, change.reason) == (Action.CREATE, "it is missing in the engine")
    stopped = only(plan(picture(API), picture(API), Running()))
    assert (stopped.action, stopped.reason) == (Action.REPLACE, "none of its tasks runs")


@pytest.mark.parametrize("state", [State.MISSING, State.CHANGED])
def test_a_route_that_was_changed_by_hand_is_written_again(state: State) -> None:
    drift = (Drift("route", "shop.example/", state),)
    made = only(plan(picture(API, ROUTE), picture(API, ROUTE), running(API, drift=drift)))
    assert made.action is (Action.CREATE if state is State.MISSING else Action.UPDATE)


def test_a_stale_plan_is_told_by_what_moved() -> None:
    assert moved({"release": "3", "variable A": "hidden:1"}, {"release": "4", "variable A": "hidden:2"}) == [
        "release was 3 when it was planned, and is 4 now",
        "variable A has another value now",
    ]
    assert moved({"a": "1"}, {"a": "1"}) == []


NAMES = st.sampled_from(["api", "web", "db", "cache", "shop.example/", "www.example/"])
FACTS = st.dictionaries(
    st.sampled_from(["image", "env.A", "replicas", "volumes.v"]), st.text(max_size=3), max_size=4
)


@st.composite
def parts(draw: st.DrawFn) -> Part:
    name, facts = draw(NAMES), draw(FACTS)
    if "/" in name:
        return Part(name, Kind.ROUTE, facts)
    kind = draw(st.sampled_from([Kind.SERVICE, Kind.DATABASE]))
    return Part(name, kind, facts, json.dumps(facts, sort_keys=True), draw(st.booleans()))


PICTURES = st.builds(
    Picture,
    st.just("production"),
    st.lists(parts(), unique_by=lambda part: part.name).map(tuple),
    st.fixed_dictionaries({"commit": st.sampled_from("ab")}),
    st.frozensets(st.tuples(st.just(Kind.VOLUME), st.sampled_from("xy"))),
)


def after_applying(wanted: Picture) -> Running:
    """What the engine has once a plan to this picture was carried out."""
    done = running(*wanted.parts)
    return Running(done.fingerprints, wanted.things)


@given(PICTURES, PICTURES)
def test_after_a_plan_was_carried_out_nothing_is_left_to_do(before: Picture, wanted: Picture) -> None:
    made = plan(before, wanted, after_applying(before))
    assert made.has_changes or before == wanted or _same_to_the_eye(before, wanted)
    assert not plan(wanted, wanted, after_applying(wanted)).has_changes


def _same_to_the_eye(before: Picture, wanted: Picture) -> bool:
    """Pictures that differ only in what a plan rightly passes over, such as a volume that stays behind."""

    def seen(of: Picture) -> object:
        facts = {p.name: (p.kind, {k: v for k, v in p.facts.items() if v}, p.fingerprint) for p in of.parts}
        return facts, of.settings

    return seen(before) == seen(wanted) and wanted.things <= before.things


@given(PICTURES, PICTURES)
def test_a_plan_survives_being_saved(before: Picture, wanted: Picture) -> None:
    made = plan(before, wanted, running(*before.parts, drift=(BY_HAND, SCALED)))
    assert from_data(json.loads(json.dumps(made.as_data()))) == made


@given(PICTURES, PICTURES)
def test_nothing_changes_in_a_plan_without_a_reason_to(before: Picture, wanted: Picture) -> None:
    for change in plan(before, wanted, after_applying(before)).changes:
        assert change.action is not Action.NONE
        if change.action in {Action.UPDATE, Action.REPLACE}:
            assert change.fields or change.reason
