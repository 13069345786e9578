from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from havre.domain.pruning import Image, Known, ReleaseFacts, Standing, judge, kept

LIVE, SERVED, FAILED, PREPARING = Standing.LIVE, Standing.SERVED, Standing.FAILED, Standing.PREPARING


def release(number: int, standing: Standing = SERVED, *images: str, **more: object) -> ReleaseFacts:
    return ReleaseFacts("shop-production", number, standing, frozenset(images), **more)  # type: ignore[arg-type]


def built(name: str, number: int, **more: object) -> Image:
    return Image(
        id=f"sha256:{name}",
        tags=(f"shop/api:production-0123456789ab-{number}",),
        project="shop",
        environment="shop-production",
        **more,  # type: ignore[arg-type]
    )


def numbers(releases: list[ReleaseFacts], keep: int) -> list[int]:
    return [each.number for each in kept(releases, keep)]


def test_the_newest_that_served_are_kept_and_failed_ones_are_not():
    releases = [release(1), release(2, FAILED), release(3), release(4), release(5, FAILED), release(6, LIVE)]
    assert numbers(releases, 2) == [4, 6]
    assert numbers(releases, 10) == [1, 3, 4, 6]


def test_the_live_one_is_kept_however_old_and_so_is_who_stands_by_or_is_under_way():
    releases = [release(1, LIVE), release(2, stands_by=True), release(3), release(4), release(5, PREPARING)]
    assert numbers(releases, 1) == [1, 2, 4]
    assert numbers([*releases, release(6, PREPARING, under_way=True)], 1) == [1, 2, 4, 6]


def test_each_environment_keeps_its_own():
    other = [replace(release(n), environment="shop-staging") for n in (1, 2, 3)]
    found = kept([release(1), release(2, LIVE), *other], 1)
    assert [str(each) for each in found] == ["shop-production 2", "shop-staging 3"]


def test_an_image_goes_only_if_nobody_needs_it():
    known = Known(releases=kept([release(1, SERVED, "sha256:a"), release(2, LIVE, "sha256:b")], 1))
    first, second = built("a", 1, created=1.0), built("b", 2, created=2.0)
    judged = judge([first, second], known)
    assert [(each.image.id, each.goes) for each in judged] == [("sha256:b", False), ("sha256:a", True)]
    assert judged[0].needed_by == ("release shop-production 2",)
    assert judged[1].names == ("shop/api:production-0123456789ab-1",)
    in_use = judge([replace(first, users=("container x",))], known)[0]
    assert in_use.needed_by == ("container x",)
    busy = judge([first], replace(known, busy={"shop-production"}))[0]
    assert busy.needed_by == ("an operation of shop-production",)


def test_what_is_not_havres_is_never_looked_at():
    # Built FROM an image of Havre's, so with its labels.
    inherited = replace(built("x", 1), tags=())
    assert judge([inherited, replace(inherited, id="sha256:y", tags=("mine/shop:1",))], Known()) == ()
    assert judge([Image("sha256:x", ("postgres:17",)), Image("sha256:y")], Known()) == ()


def test_a_pulled_image_goes_by_the_name_that_havre_gave_it():
    image = Image("sha256:p", ("shop/cache:0123456789ab-3",), digests=("r.example/valkey@sha256:d",))
    known = Known(tags={"shop/cache:0123456789ab-3": "shop-production"})
    assert judge([image], known)[0].goes
    needed = replace(known, releases=(release(3, LIVE, "r.example/valkey@sha256:d"),))
    assert judge([image], needed)[0].needed_by == ("release shop-production 3",)
    # An administrator's own name for the same image stays; Havre's goes.
    named = judge([replace(image, tags=(*image.tags, "valkey:8"))], known)[0]
    assert named.goes
    assert named.names == ("shop/cache:0123456789ab-3",)


def test_an_image_that_only_somebody_else_still_names_stays():
    image = replace(built("a", 1), tags=("backup/of:mine",))
    assert judge([image], Known(ids={image.id}))[0].needed_by == ("the name backup/of:mine",)


def test_what_has_labels_and_a_name_of_havres_goes_though_no_record_knows_it():
    """A build that was cancelled while it was exported."""
    assert judge([built("a", 1)], Known())[0].goes


def test_the_platforms_images_stay_and_those_of_earlier_recipes_go():
    known = Known(platform={"havre/node:24"}, ids={"sha256:o"})
    now = Image("sha256:n", ("havre/node:24",))
    before = Image("sha256:o")
    judged = {each.image.id: each for each in judge([now, before], known)}
    assert judged["sha256:n"].needed_by == ("the platform (havre/node:24)",)
    assert judged["sha256:o"].goes
    assert judged["sha256:o"].names == ()
    database = replace(known, releases=(release(1, LIVE, "sha256:o"),))
    assert not judge([before], database)[0].goes


IDS = st.sampled_from([f"sha256:{letter}" for letter in "abcdefgh"])
RELEASES = st.lists(
    st.builds(
        ReleaseFacts,
        environment=st.sampled_from(["a-x", "a-y", "b-x"]),
        number=st.integers(1, 30),
        standing=st.sampled_from(list(Standing)),
        images=st.frozensets(IDS, max_size=4),
        stands_by=st.booleans(),
        under_way=st.booleans(),
    ),
    unique_by=lambda each: (each.environment, each.number),
)
IMAGES = st.lists(
    st.builds(
        Image,
        id=IDS,
        tags=st.lists(st.sampled_from(["a/s:1", "a/s:2", "b/s:1", "other:1"]), max_size=2).map(tuple),
        environment=st.sampled_from(["", "a-x", "b-x"]),
        project=st.sampled_from(["", "a", "b"]),
        users=st.sampled_from([(), ("container c",)]),
    ),
    unique_by=lambda each: each.id,
)


@given(IMAGES, RELEASES, st.integers(1, 6))
def test_never_an_image_that_a_kept_release_needs_nor_one_that_is_not_havres(images, releases, keep):
    stay = kept(releases, keep)
    known = Known(releases=stay, tags={"a/s:1": "a-x"}, ids={"sha256:a", "sha256:b"})
    going = [each for each in judge(images, known) if each.goes]
    needed = frozenset().union(*(each.images for each in stay))
    for each in going:
        assert each.image.id not in needed
        assert each.image.id in known.ids or "a/s:1" in each.image.tags
        assert not each.image.users
        assert "other:1" not in each.names
    for standing in releases:
        if standing.standing is LIVE or standing.stands_by or standing.under_way:
            assert standing in stay
    served = [each for each in stay if each.standing in {LIVE, SERVED}]
    for environment in {each.environment for each in releases}:
        most = [r for r in releases if r.environment == environment and r.standing in {LIVE, SERVED}]
        assert sum(each.environment == environment for each in served) >= min(keep, len(most))
