"""Fingerprints: what makes a running task differ from what is wanted."""

from __future__ import annotations

import dataclasses

from havre.domain.workload import EnvVar, Resources, Workload

BASE = Workload(name="p-e-api-r1", image="sha256:1", env=(EnvVar.plain("A", "1"),))


def test_name_labels_and_replicas_do_not_matter() -> None:
    other = dataclasses.replace(BASE, name="p-e-api-r2", labels=(("havre.release", "2"),), replicas=5)
    assert other.fingerprint() == BASE.fingerprint()


def test_image_env_command_and_limits_matter() -> None:
    changed = [
        dataclasses.replace(BASE, image="sha256:2"),
        dataclasses.replace(BASE, env=(EnvVar.plain("A", "2"),)),
        dataclasses.replace(BASE, command=("x",)),
        dataclasses.replace(BASE, limits=Resources(memory=1)),
    ]
    assert len({w.fingerprint() for w in [BASE, *changed]}) == len(changed) + 1


def test_a_secret_counts_by_its_version_and_never_shows() -> None:
    one = dataclasses.replace(BASE, env=(EnvVar("K", "hunter2", "k@1"),))
    same_version = dataclasses.replace(BASE, env=(EnvVar("K", "other", "k@1"),))
    next_version = dataclasses.replace(BASE, env=(EnvVar("K", "hunter2", "k@2"),))
    assert one.fingerprint() == same_version.fingerprint()
    assert one.fingerprint() != next_version.fingerprint()
    assert "hunter2" not in repr(one)


def test_what_is_as_by_default_does_not_matter_so_that_a_new_field_restarts_nothing() -> None:
    @dataclasses.dataclass(frozen=True)
    class Later(Workload):
        new: str = ""

    later = Later(**{field.name: getattr(BASE, field.name) for field in dataclasses.fields(BASE)})
    assert later.fingerprint() == BASE.fingerprint()
    assert dataclasses.replace(later, new="x").fingerprint() != BASE.fingerprint()
