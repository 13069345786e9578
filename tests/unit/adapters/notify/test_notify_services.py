"""Apprise, in its own process, against a server on this machine."""

import pytest

from havre.adapters.notify.services import scheme, send
from havre.errors import HavreError
from support.taker import taking


@pytest.fixture
def taker():
    with taking() as found:
        yield found


def test_a_message_gets_there(taker):
    send(f"json://127.0.0.1:{taker.port}/hook", title="Disk full", text="state: 95 %", kind="failure")
    (got,) = taker.got
    assert (got["title"], got["message"], got["type"]) == ("Disk full", "state: 95 %", "failure")


def test_a_service_that_refuses_is_told(taker):
    taker.status = 500
    with pytest.raises(HavreError, match="did not take") as caught:
        send(f"json://127.0.0.1:{taker.port}/hook", title="x", text="y")
    assert caught.value.retryable


def test_an_address_that_is_none_is_told_without_it():
    with pytest.raises(HavreError, match="does not know") as caught:
        send("nonsense://token-abc", title="x", text="y")
    assert "token-abc" not in str(caught.value.message)
    assert not caught.value.retryable


def test_the_scheme_is_no_secret():
    assert scheme("slack://T1/A2/secret") == "slack"
