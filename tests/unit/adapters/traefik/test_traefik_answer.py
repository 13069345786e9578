import pytest

from havre.adapters.traefik import Answer


@pytest.mark.parametrize(
    ("status", "good"), [(200, True), (204, True), (302, True), (399, True), (400, False), (502, False)]
)
def test_what_counts_as_healthy(status, good):
    assert Answer(status, 0.1).is_good is good


def test_no_answer_is_not_healthy():
    assert not Answer(None, 0.1, "connection refused").is_good


def test_an_answer_in_words():
    assert str(Answer(200, 0.123, body="fine")) == "200 OK after 0.12 s"
    assert (
        str(Answer(500, 0.1, body="no\n database")) == "500 Internal Server Error after 0.10 s: no database"
    )
    assert str(Answer(None, 2, "no answer within 2 s")) == "no answer within 2 s (after 2.00 s)"
    assert str(Answer(599, 1)) == "599 after 1.00 s"
