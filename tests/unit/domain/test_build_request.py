from pathlib import Path

import pytest

from havre.domain.build import BuildRequest, build_arguments
from havre.errors import BuildError

CONTEXT = Path("/src/app")
SCRATCH = Path("/scratch")


def test_the_least_request():
    assert build_arguments(BuildRequest(context=CONTEXT), scratch=SCRATCH) == (
        "build",
        "--progress=plain",
        "--network=default",
        "--file=/src/app/Dockerfile",
        "--iidfile=/scratch/image-id",
        "/src/app",
    )


def test_everything_asked_for():
    request = BuildRequest(
        context=CONTEXT,
        dockerfile="docker/api.Dockerfile",
        target="runtime",
        args={"B": "", "A": "1 --pull"},
        tags=("shop/api:0123456789ab-1",),
        labels={"havre.managed": "true"},
        secrets={"npm": Path("/run/a,b"), "ca": Path("/etc/ca.crt")},
        no_cache=True,
    )
    assert build_arguments(request, scratch=SCRATCH, buildx=True) == (
        "buildx",
        "build",
        "--builder=default",
        "--load",
        "--progress=plain",
        "--network=default",
        "--file=/src/app/docker/api.Dockerfile",
        "--iidfile=/scratch/image-id",
        "--target=runtime",
        "--tag=shop/api:0123456789ab-1",
        "--label=havre.managed=true",
        "--build-arg=A=1 --pull",
        "--build-arg=B=",
        "--secret=id=ca,src=/etc/ca.crt",
        '--secret=id=npm,"src=/run/a,b"',
        "--no-cache",
        "/src/app",
    )


def test_a_generated_dockerfile_lies_outside_the_context():
    request = BuildRequest(context=CONTEXT, dockerfile_text="FROM x\n")
    assert "--file=/scratch/Dockerfile" in build_arguments(request, scratch=SCRATCH)


def test_nothing_is_ever_pulled():
    for buildx in (False, True):
        assert "--pull" not in build_arguments(BuildRequest(context=CONTEXT), scratch=SCRATCH, buildx=buildx)


@pytest.mark.parametrize(
    "wrong",
    [
        {"context": Path("relative")},
        {"args": {"A B": "x"}},
        {"args": {"": "x"}},
        {"args": {"--privileged": "x"}},
        {"args": {"A": "x\0"}},
        {"tags": ("Upper/case:1",)},
        {"tags": ("a:b:c",)},
        {"tags": ("-x",)},
        {"labels": {"a=b": "c"}},
        {"labels": {"a": "\0"}},
        {"secrets": {"a,src=/etc/shadow": Path("/x")}},
        {"target": "--x"},
    ],
)
def test_what_a_client_could_misread_is_refused(wrong):
    with pytest.raises(BuildError):
        BuildRequest(**{"context": CONTEXT, **wrong})


@pytest.mark.parametrize(
    "tag", ["a", "shop/api:0123-4", "havre/node:24", "a/b/c:V1.0_x", "my-shop__x/api.v2:1"]
)
def test_names_of_images(tag):
    assert BuildRequest(context=CONTEXT, tags=(tag,)).tags == (tag,)
