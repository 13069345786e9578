from __future__ import annotations

from itertools import product

from havre.domain.first_run import Facts, Stage, Task, is_over, stages


def told(**facts):
    return stages(
        Facts(
            **{"domain": False, "storage": False, "kit": False, "project": False, "deployment": False} | facts
        )
    )


def test_what_waits_for_another_comes_later():
    assert told() == {
        Task.DOMAIN: Stage.NOW,
        Task.STORAGE: Stage.NOW,
        Task.KIT: Stage.LATER,
        Task.PROJECT: Stage.NOW,
        Task.DEPLOYMENT: Stage.LATER,
    }
    assert told(storage=True, project=True)[Task.KIT] is Stage.NOW
    assert told(storage=True, project=True)[Task.DEPLOYMENT] is Stage.NOW


def test_a_kit_of_a_storage_that_is_gone_is_none():
    assert told(kit=True)[Task.KIT] is Stage.LATER
    assert told(kit=True, storage=True)[Task.KIT] is Stage.DONE


def test_it_is_over_when_all_is_done_and_only_then():
    for values in product((False, True), repeat=5):
        facts = Facts(*values)
        assert is_over(facts) is all(values)
