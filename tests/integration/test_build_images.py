"""Building with a real engine."""

from __future__ import annotations

import threading
import time
import uuid
from pathlib import Path

import pytest

from havre.adapters.buildkit.build import build
from havre.domain.build import CA_MOUNT, BuildRequest
from havre.errors import BuildError, Cancelled, EngineError
from integration.build_fixtures import BASE, engine, folder, host, make, output, platform

__all__ = ["engine", "host", "make", "platform"]  # fixtures


def dockerfile(tmp_path: Path, text: str, **files: str) -> BuildRequest:
    return BuildRequest(context=folder(tmp_path, {"Dockerfile": text, **files}))


def running(word: str) -> list[str]:
    """Processes of this machine, containers' too, that have a word on their argument list."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = entry.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if word in words:
            found.append(words)
    return found


def test_an_image_and_what_is_known_of_it(engine, make, tmp_path):
    unique = uuid.uuid4().hex
    request = BuildRequest(
        context=folder(
            tmp_path,
            {
                "Dockerfile": (
                    f"FROM {BASE} AS builder\nARG WHO\nRUN echo {unique} $WHO && sleep 1 && head -c 300000 "
                    f"/dev/urandom >/file\nFROM {BASE}\nCOPY --from=builder /file /file\n"
                )
            },
        ),
        args={"WHO": 'a "b" $HOME'},
        tags=("havre-test/built:1", "havre-test/built:2"),
        labels={"havre.managed": "true", "test": "a,b=c"},
    )
    seen: list[tuple[float, str]] = []
    began = time.monotonic()
    result, lines = make(request)
    seen = [(time.monotonic() - began, line) for line in lines]
    assert f'  {unique} a "b" $HOME' in lines
    assert seen
    image = engine.images.get(result.image_id)
    assert image.id == result.image_id == engine.images.get("havre-test/built:2").id
    assert image.attrs["Size"] == result.size
    assert result.size - engine.images.get(BASE).attrs["Size"] == pytest.approx(300_000, abs=1000)
    assert {"havre.managed": "true", "test": "a,b=c"}.items() <= image.labels.items()
    stages = {stage.name: stage for stage in result.stages}
    assert 1.0 <= stages["builder"].seconds <= result.seconds
    assert not stages["builder"].cached
    again, _ = make(request)
    assert again.image_id == result.image_id
    assert {stage.name: stage for stage in again.stages}["builder"].cached
    assert again.seconds < result.seconds
    fresh, _ = make(BuildRequest(context=request.context, no_cache=True))
    assert fresh.image_id != result.image_id


def test_the_log_streams(host, engine, tmp_path):
    request = dockerfile(tmp_path, f"FROM {BASE}\nRUN echo first {uuid.uuid4()}; sleep 1.5; echo second\n")
    times: dict[str, float] = {}
    result = build(
        request,
        engine_host=host,
        report=lambda line: times.setdefault(line.split()[0], time.monotonic()),
    )
    engine.images.remove(result.image_id)
    assert times["second"] - times["first"] > 1


def test_a_cache_mount_survives_a_changed_layer(make, tmp_path):
    name = uuid.uuid4().hex
    text = (
        f"FROM {BASE}\nCOPY source /source\n"
        f"RUN --mount=type=cache,id={name},target=/cache cat /cache/kept 2>&1; cp /source /cache/kept\n"
    )
    _, first = make(dockerfile(tmp_path, text, source="one\n"))
    _, second = make(dockerfile(tmp_path, text, source="two\n"))
    assert "  one" not in first
    assert "  one" in second
    assert "[2/3] cached" not in "\n".join(second)


def test_the_ca_certificates_are_there_while_building_only(engine, make, tmp_path):
    bundle = Path("/etc/ssl/certs/ca-certificates.crt")
    if not bundle.exists():
        pytest.fail("This test needs the host's CA bundle: apt-get install ca-certificates")
    target = "target=/etc/ssl/certs/ca-certificates.crt"
    assert target in CA_MOUNT
    text = f"FROM {BASE}\nRUN {CA_MOUNT} wc -c </etc/ssl/certs/ca-certificates.crt\n"
    result, lines = make(dockerfile(tmp_path, text))
    assert f"  {bundle.stat().st_size}" in lines or "[2/2] cached" in lines
    size = output(result.image_id, "wc -c </etc/ssl/certs/ca-certificates.crt || echo none")
    assert size.strip() != str(bundle.stat().st_size)


def test_other_secrets_stay_out_of_image_and_history(engine, make, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text(f"s3cret-{uuid.uuid4()}")
    context = folder(
        tmp_path / "context",
        {"Dockerfile": f"FROM {BASE}\nRUN --mount=type=secret,id=token wc -c </run/secrets/token\n"},
    )
    result, lines = make(BuildRequest(context=context, secrets={"token": secret}, no_cache=True))
    assert f"  {len(secret.read_text())}" in lines
    told = "\n".join(lines) + str(engine.images.get(result.image_id).history())
    assert secret.read_text() not in told
    assert output(result.image_id, "cat /run/secrets/token 2>/dev/null || true") == ""


def test_a_target_and_a_dockerfile_elsewhere(engine, make, tmp_path):
    context = folder(
        tmp_path,
        {"deploy/app.Dockerfile": f"FROM {BASE} AS one\nRUN echo 1 >/which\nFROM one\nRUN echo 2 >/which\n"},
    )
    result, _ = make(BuildRequest(context=context, dockerfile="deploy/app.Dockerfile", target="one"))
    assert output(result.image_id, "cat /which") == "1\n"


def test_a_generated_dockerfile_is_not_in_the_context(engine, make, tmp_path):
    context = folder(tmp_path, {"Dockerfile": "FROM nosuch\n", "a": "x", "node_modules/b": "x"})
    text = f"FROM {BASE}\nCOPY . /all\n"
    request = BuildRequest(context=context, dockerfile_text=text, ignore_text="**/node_modules\n")
    listing = "ls -A /all | sort | paste -s -d ' '"
    assert output(make(request)[0].image_id, listing) == "Dockerfile a\n"
    folder(tmp_path, {".dockerignore": "a\n"})
    assert output(make(request)[0].image_id, listing) == ".dockerignore Dockerfile node_modules\n"


def test_a_failing_command_is_named_and_leaves_no_tag(engine, host, tmp_path):
    text = f"FROM {BASE}\nRUN seq 40; echo to-stderr >&2; exit 7\n"
    request = BuildRequest(context=folder(tmp_path, {"Dockerfile": text}), tags=("havre-test/failed:1",))
    with pytest.raises(BuildError, match="exit code 7") as caught:
        build(request, engine_host=host, report=lambda _: None)
    assert "RUN seq 40; echo to-stderr >&2; exit 7" in caught.value.message
    detail = caught.value.detail.splitlines()
    assert len(detail) == 20
    assert "to-stderr" in detail
    assert "40" in detail
    assert not engine.images.list(name="havre-test/failed")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("FROM havre-test/nosuch:1\n", "base image havre-test/nosuch:1 is not on this server"),
        (f"FROM {BASE}\nCOPY missing /\n", "missing is not in the build context"),
        (f"FROM {BASE}\nRUN dd if=/dev/zero of=/dev/full count=1\n", "disk is full"),
        (f"FROM {BASE}\nRUN (sleep 0.2; kill -KILL $$) & exec sh -c 'exit 137'\n", "ran out of memory"),
        (f"FROM {BASE}\nNOTHING\n", "Line 2 of the Dockerfile"),
    ],
)
def test_causes_are_named(host, platform, tmp_path, text, message):
    with pytest.raises(BuildError) as caught:
        build(dockerfile(tmp_path, text), engine_host=host, report=lambda _: None)
    assert message in caught.value.message


def test_an_engine_that_does_not_answer_is_told(tmp_path):
    with pytest.raises(EngineError) as caught:
        build(
            dockerfile(tmp_path, "FROM x\n"),
            engine_host=f"unix://{tmp_path}/none.sock",
            report=lambda _: None,
        )
    assert caught.value.retryable


def test_a_stopped_build_stops_in_the_engine_too(host, engine, make, tmp_path):
    word = f"havre-stop-{uuid.uuid4().hex}"
    text = f"FROM {BASE}\nRUN echo begun; exec -a {word} sleep 300\n"
    request = BuildRequest(
        context=folder(tmp_path, {"Dockerfile": text.replace("RUN ", 'SHELL ["bash", "-c"]\nRUN ')})
    )
    images = {image.id for image in engine.images.list(all=True)}
    begun = threading.Event()

    def report(line: str) -> None:
        if line.strip() == "begun":
            begun.set()

    began = time.monotonic()
    with pytest.raises(Cancelled):
        build(
            request,
            engine_host=host,
            report=report,
            cancelled=lambda: begun.is_set() and any(word in line for line in running(word)),
            time_limit=60,
        )
    assert begun.is_set()
    assert time.monotonic() - began < 50
    deadline = time.monotonic() + 10
    while running(word):
        assert time.monotonic() < deadline, running(word)
        time.sleep(0.1)
    assert {image.id for image in engine.images.list(all=True)} == images
    make(dockerfile(tmp_path, f"FROM {BASE}\nRUN true {word}\n"))
