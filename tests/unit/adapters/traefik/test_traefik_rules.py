import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from havre.adapters.traefik.rules import checked_host, checked_name, number_above, path_rule


@given(limit=st.integers(1, 10**12), number=st.integers(0, 10**13))
def test_number_above_matches_exactly_the_greater_numbers(limit, number):
    for value in (number, limit - 1, limit, limit + 1, limit * 10):
        assert bool(re.search(number_above(limit), str(value))) == (value > limit)


def test_number_above_sees_through_leading_zeros():
    assert re.search(number_above(99), "000100")
    assert not re.search(number_above(99), "00099")


def test_paths_match_whole_segments():
    assert path_rule("a.test", "/") == "Host(`a.test`)"
    assert path_rule("a.test", "/api") == path_rule("a.test", "/api/")
    assert path_rule("a.test", "/api") == "Host(`a.test`) && (Path(`/api`) || PathPrefix(`/api/`))"


@pytest.mark.parametrize("host", ["a`)||Path(`/", "A.test", "a..test", "-a.test", "a test", "", "a.test\n"])
def test_a_host_cannot_rewrite_the_rule(host):
    with pytest.raises(ValueError, match="host"):
        checked_host(host)


@pytest.mark.parametrize("path", ["api", "/a`b", "/a b", "/a{b", "", "/a\n"])
def test_a_path_cannot_rewrite_the_rule(path):
    with pytest.raises(ValueError, match="path"):
        path_rule("a.test", path)


@pytest.mark.parametrize("name", ["a@internal", "a.b", "", "-a", "A"])
def test_a_name_refers_to_nothing_else(name):
    with pytest.raises(ValueError, match="name"):
        checked_name(name)
