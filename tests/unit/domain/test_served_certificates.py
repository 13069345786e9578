from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from havre.domain.served_certificates import Served, Standing, fits, standing

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
DAY = timedelta(days=1)
HOST = "shop.example.org"


def served(begins=-30, ends=60, names=(HOST,), **more):
    return Served(HOST, names, NOW + begins * DAY, NOW + ends * DAY, **{"is_trusted": True, **more})


@pytest.mark.parametrize(
    ("found", "wanted"),
    [
        (served(), Standing.GOOD),
        (served(ends=13.9), Standing.ENDS_SOON),
        (served(ends=14), Standing.GOOD),
        (served(ends=0), Standing.EXPIRED),
        (served(begins=1), Standing.NOT_YET),
        (served(is_trusted=False), Standing.UNKNOWN_SIGNER),
        (served(is_trusted=False, ends=-1), Standing.EXPIRED),
        (served(names=("other.example.org",), ends=-1), Standing.OTHER_NAME),
        (served(names=()), Standing.OTHER_NAME),
        (served(problem="the router does not answer"), Standing.NONE),
        (Served(HOST), Standing.NONE),
    ],
)
def test_the_worst_that_is_true_of_a_certificate_counts(found, wanted):
    assert standing(found, NOW) is wanted


@pytest.mark.parametrize(
    ("name", "host", "is_fit"),
    [
        ("a.example", "a.example", True),
        ("*.example.org", "a.example.org", True),
        ("*.example.org", "example.org", False),
        ("*.example.org", "a.b.example.org", False),
        ("*.example.org", "example.org.evil", False),
    ],
)
def test_names_that_are_for_a_host(name, host, is_fit):
    assert fits(name, host) is is_fit
