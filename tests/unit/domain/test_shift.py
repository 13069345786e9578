"""Two releases that share requests: what is stored, and the route that comes of it."""

from __future__ import annotations

from dataclasses import replace

from havre.domain.health import Health
from havre.domain.routes import Beside, RoutedService, RouteRule, combined
from havre.domain.shift import Shift

OLD = RoutedService(
    name="p-e-api",
    release=1,
    port=3000,
    health=Health(path="/up"),
    rules=(RouteRule("a.test"),),
    addresses=("10.0.0.1", "10.0.0.2", "10.0.0.3"),
    alias="p-e-api",
)
NEW = replace(OLD, release=2, port=4000, health=Health(path="/health"), addresses=("10.0.0.4",))


def test_a_shift_survives_being_stored() -> None:
    shift = Shift(2, {"api": 25, "web": None}, frozenset({"api"}), frozenset({"t1"}))
    assert Shift.read(shift.stored()) == shift
    assert Shift.read({}) is None


def test_weights_of_other_services_stay() -> None:
    shift = Shift(2).weighing({"api": 5}, sticky=frozenset({"api"})).weighing({"web": None})
    assert shift == Shift(2, {"api": 5, "web": None}, frozenset({"api"}))
    assert shift.without(frozenset({"t1"})).without(frozenset()) == shift


def test_shares_by_weight_and_by_number_of_tasks() -> None:
    assert combined(OLD, NEW, 25).beside == Beside(NEW, 25, 75)
    assert combined(OLD, NEW, None, sticky=True).beside == Beside(NEW, 1, 3, sticky=True)


def test_one_release_alone() -> None:
    assert combined(OLD, None, None) == OLD
    assert combined(OLD, NEW, 0) == OLD
    assert combined(OLD, NEW.at(()), 25) == OLD


def test_where_the_live_release_has_no_task_left_the_other_one_answers_for_it() -> None:
    for route in (combined(OLD.at(()), NEW, 25), combined(OLD, NEW, 100)):
        assert (route.release, route.port, route.health, route.addresses) == (
            2,
            4000,
            NEW.health,
            NEW.addresses,
        )
        assert route.rules == OLD.rules
        assert not route.beside
        assert not route.alias_only


def test_without_any_address_the_alias_has_to_do() -> None:
    assert combined(OLD.at(()), NEW.at(()), 25).alias_only
    assert combined(OLD.at(()), None, None).alias_only
