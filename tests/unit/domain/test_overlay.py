"""What the engine says about overlay networks, told with the remedy."""

from __future__ import annotations

from havre.domain.doctor import Level
from havre.domain.overlay import Holder, Overlay, StaleLink, in_use, links_verdict, stale_link

SAID = (
    'network sandbox join failed: subnet sandbox join failed for "10.0.14.0/24": '
    "error creating vxlan interface: file exists"
)
OVERLAYS = (
    Overlay("shop-production", (("10.0.2.0/24", 4099), ("10.0.14.0/24", 4245))),
    Overlay("havre-edge", (("10.64.0.0/16", 4097),)),
)


def test_the_link_that_is_in_the_way_is_named_by_its_number() -> None:
    links = ("lo", "eth0", "vx-001095-owhr8", "vx-001001-k2f0c")
    found = stale_link(SAID, OVERLAYS, links)
    assert found == StaleLink("shop-production", ("vx-001095-owhr8",))
    assert found.remedy.startswith("on the server, as root: ip link delete vx-001095-owhr8;")
    assert "the network shop-production" in found.cause


def test_without_a_link_here_the_remedy_says_where_to_look() -> None:
    for error, overlays in ((SAID, OVERLAYS), (SAID, ()), (SAID.replace('"', ""), OVERLAYS)):
        found = stale_link(error, overlays, ("lo", "vx-001001-k2f0c"))
        assert found is not None
        assert found.links == ()
        assert found.network == ("shop-production" if overlays else "")
        assert "ip link delete vx-…" in found.remedy
        assert "systemctl restart docker" in found.remedy


def test_other_errors_are_not_taken_for_it() -> None:
    for error in ("", "No such image: x", SAID.replace("file exists", "operation not supported")):
        assert stale_link(error, OVERLAYS, ("vx-001095-owhr8",)) is None


def test_doctor_tells_of_links_that_are_in_the_way() -> None:
    assert links_verdict((), ()).level is Level.OK
    left = links_verdict(("vx-001001-k2f0c", "vx-001095-owhr8"), ())
    assert left.level is Level.WARNING
    assert "ip link delete vx-001001-k2f0c && ip link delete vx-001095-owhr8" in left.remedy
    why = stale_link(SAID, OVERLAYS, ("vx-001095-owhr8",))
    assert why is not None
    stuck = links_verdict(("vx-001095-owhr8",), (("shop-production-api-r3", why),))
    assert stuck.level is Level.FAILED
    assert "shop-production-api-r3" in stuck.seen
    assert stuck.remedy == why.remedy


def test_who_holds_a_network_is_named_with_the_way_out() -> None:
    foreign = Holder("service", "watch"), Holder("container", "debug"), Holder("container", "x.1.ab", True)
    error = in_use("shop-production", foreign)
    assert error.message == (
        "the network shop-production cannot be removed: the service watch, the container debug are in it"
    )
    assert "docker service update --network-rm shop-production watch" in error.hint
    assert "docker network disconnect --force shop-production debug" in error.hint
    assert "x.1.ab" not in error.message + error.hint
    assert not error.retryable


def test_what_is_ending_is_worth_another_try() -> None:
    error = in_use("shop-production", (Holder("container", "api.1.ab", is_leaving=True),))
    assert error.retryable
    assert "still in use by the container api.1.ab" in error.message
    assert in_use("shop-production", ()).retryable
