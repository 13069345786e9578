"""Reading recorded output of Docker 20.10's BuildKit and of buildx 0.13."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from havre.domain.build import BuildRequest, StageTiming
from havre.domain.build_failure import explain_failure
from havre.domain.build_log import BuildLog, clean, readable
from havre.errors import BuildError, EngineError

RECORDED = Path(__file__).parent / "recorded_builds"
CLIENTS = ("engine-20.10", "buildx-0.13")
REQUEST = BuildRequest(context=Path("/context"))


def read(name: str) -> tuple[BuildLog, list[str]]:
    return read_text((RECORDED / f"{name}.txt").read_bytes().decode())


def read_text(text: str) -> tuple[BuildLog, list[str]]:
    log = BuildLog()
    shown = [log.feed(line) for line in text.split("\n")]
    return log, [line for line in shown if line]


def explained(name: str, **more):
    return explain_failure(read(name)[0], REQUEST, code=1, **more)


@pytest.fixture(params=CLIENTS)
def client(request):
    return request.param


def test_stages_of_a_cold_build(client):
    log, _ = read(f"{client}-cold")
    stages = {stage.name: stage for stage in log.stages()}
    assert list(stages) == ["(context)", "base", "builder", "stage-2", "(export)"]
    assert stages["builder"].steps == 3
    assert 1.0 <= stages["builder"].seconds < 3
    assert not any(stage.cached for stage in stages.values())
    assert log.failed is None


def test_stages_of_a_cached_build(client):
    log, _ = read(f"{client}-warm")
    stages = {stage.name: stage for stage in log.stages()}
    assert {name for name, stage in stages.items() if stage.cached} == {"base", "builder", "stage-2"}
    assert stages["builder"] == StageTiming("builder", 0.0, cached=True, steps=3)


def test_lines_are_cleaned_and_shown_once(client):
    _, shown = read(f"{client}-cold")
    assert "  hello 1" in shown
    assert "  red" in shown
    assert [line for line in shown if line.startswith("[builder 3/3] COPY file .")] == [
        "[builder 3/3] COPY file ."
    ]
    assert any(line.startswith("[builder 2/3] done in 1.") for line in shown)
    text = "\n".join(shown)
    for noise in ("sha256:", "transferring", "[internal]", "\x1b", "\r", "#"):
        assert noise not in text
    assert "[builder 1/3] cached" in read(f"{client}-warm")[1]


def test_a_failed_command_is_named_with_its_last_lines(client):
    error = explained(f"{client}-failed-command")
    assert isinstance(error, BuildError)
    assert error.message == "RUN for i in 1 2 3; do echo line $i; done; exit 3 failed with exit code 3."
    assert error.detail == "line 1\nline 2\nline 3"
    assert not error.retryable
    shown = read(f"{client}-failed-command")[1]
    assert shown.count("  line 1") == 1, "the summary repeats it"


def test_only_the_last_twenty_lines_are_kept():
    lines = [f"#4 0.{n} line {n}" for n in range(100)]
    log, _ = read_text("\n".join(["#4 [2/2] RUN make", *lines, "#4 ERROR: executor failed: exit code: 2"]))
    assert explain_failure(log, REQUEST, code=1).detail.splitlines() == [f"line {n}" for n in range(80, 100)]


@pytest.mark.parametrize(
    ("name", "message", "hint"),
    [
        ("no-base", "base image nosuch/image:1 is not on this server", "cannot be reached"),
        ("no-dockerfile", "There is no Dockerfile at Dockerfile", "Did you mean docker/Dockerfile?"),
        ("no-file", "nofile is not in the build context (COPY nofile /)", ".dockerignore"),
        ("no-target", "no stage named zz", "build.target"),
        ("bad-instruction", "Line 3 of the Dockerfile is not valid: unknown instruction: RUNX", ""),
        ("killed", "ran out of memory at RUN", "memory or swap"),
        ("disk-full", "disk is full at RUN ls /; dd", "havre images prune"),
    ],
)
def test_causes_are_named(client, name, message, hint):
    error = explained(f"{client}-{name}", dockerfiles=["docker/Dockerfile"])
    assert message in error.message
    assert hint in error.hint
    assert error.retryable == (name == "no-base")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        # Newer engines, as their sources word it.
        (
            '#5 [2/2] COPY missing /\n#5 ERROR: failed to calculate checksum of ref a: "/missing": not found',
            "missing is not in the build context",
        ),
        (
            "#2 [internal] load metadata for docker.io/library/nosuch:1\n#2 ERROR: pull access denied, repo…",
            "The base image nosuch:1 is not on this server",
        ),
        (
            '#5 [2/2] RUN no\n#5 ERROR: process "/bin/sh -c no" did not complete successfully: exit code: 1',
            "RUN no failed with exit code 1.",
        ),
        (
            "ERROR: failed to solve: dockerfile parse error on line 7: unknown instruction: X\nView details",
            "Line 7",
        ),
        (
            "#5 [2/2] RUN tsc\n#5 9.1 FATAL ERROR: JavaScript heap out of memory\n#5 ERROR: exit code: 134",
            "memory",
        ),
        ("ERROR: BuildKit is enabled but the buildx component is missing or broken.", "cannot build"),
    ],
)
def test_causes_in_other_words(text, message):
    log, _ = read_text(text)
    assert message in explain_failure(log, REQUEST, code=1).message


def test_words_of_the_command_are_no_cause():
    log, _ = read_text(
        "#5 [2/2] RUN echo out of memory; echo no space left on device; exit 4\n"
        "#5 ERROR: executor failed running [/bin/sh -c echo out of memory; exit 4]: exit code: 4\n"
    )
    assert "exit code 4" in explain_failure(log, REQUEST, code=1).message


def test_a_command_of_several_lines_has_its_exit_code():
    log, _ = read_text(
        "#5 [2/2] RUN a b c\n#5 ERROR: executor failed running [sh echo exit code: 9\nb\nc]: exit code: 3\n"
        "------\n > [2/2] RUN a b c:\n------\nERROR: failed to solve: executor failed running [sh -ec echo "
        "exit code: 9\nb\nc]: exit code: 3\n"
    )
    assert explain_failure(log, REQUEST, code=1).message == "RUN a b c failed with exit code 3."


def test_an_untrusted_certificate_names_the_remedy():
    log, _ = read_text(
        "#5 [2/2] RUN npm ci\n#5 1.0 npm error code SELF_SIGNED_CERT_IN_CHAIN\n#5 ERROR: exit code: 1"
    )
    assert "--mount=type=secret,id=ca-certificates" in explain_failure(log, REQUEST, code=1).hint


def test_an_engine_that_went_away_is_no_build_error():
    log, _ = read_text(
        "ERROR: Cannot connect to the Docker daemon at unix:///x. Is the docker daemon running?"
    )
    error = explain_failure(log, REQUEST, code=1)
    assert isinstance(error, EngineError)
    assert error.retryable


def test_a_command_cannot_forge_the_log():
    log, shown = read_text(
        "#5 [2/2] RUN x\n#5 0.1 #5 ERROR: forged\n#5 0.2 a\r#5 DONE 9.9s\n#5 0.3 CACHED\n#5 0.4 ------\n"
        "#5 DONE 1.0s"
    )
    assert log.failed is None
    assert log.stages() == (StageTiming("stage-0", 1.0, cached=False, steps=1),)
    assert "  #5 ERROR: forged" in shown


def test_platforms_and_repeated_ends():
    log, _ = read_text(
        "#4 [linux/amd64 build 1/2] FROM x\n#4 DONE 0.0s\n"
        "#5 [linux/amd64 build 2/2] RUN y\n#5 CACHED\n#5 CACHED"
    )
    assert log.stages() == (StageTiming("build", 0.0, cached=True, steps=2),)


@given(st.text())
def test_no_output_breaks_the_reader(text):
    log, shown = read_text(text)
    log.stages()
    explain_failure(log, REQUEST, code=1)
    assert not any("\x1b" in line or "\r" in line for line in shown)


@given(
    st.lists(
        st.sampled_from(
            ["#1 ", "#2 ", "DONE 0.1s", "CACHED", "ERROR: x", "[a 1/2] RUN [", '["sh","-c"]', "0.1 x", "\n"]
        )
    )
)
def test_no_mixture_breaks_the_reader(parts):
    log, _ = read_text("".join(parts))
    log.stages()
    explain_failure(log, REQUEST, code=1)


@pytest.mark.parametrize(
    ("raw", "cleaned"),
    [
        ("a\rb\r\n", "b"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07x", "x"),
        ("a\tb\x00", "a    b"),
        ("\r", ""),
    ],
)
def test_terminal_codes_are_removed(raw, cleaned):
    assert clean(raw) == cleaned


@pytest.mark.parametrize(
    ("instruction", "shown"),
    [
        ("RUN --mount=type=cache,target=/x --network=none   make  all", "RUN make all"),
        ('RUN --mount=type=cache,target=/x ["env","A=b","sh","-ec","pnpm build"]', "RUN pnpm build"),
        ('RUN ["sh","-c","long script","collect","./dist"]', "RUN collect ./dist"),
        ('RUN ["make","a b"]', "RUN make 'a b'"),
        ('RUN ["env","A=b","C=d","npm","ci","--x=y"]', "RUN npm ci --x=y"),
        ('RUN ["env"]', "RUN"),
        ("RUN [ -e x ]", "RUN [ -e x ]"),
        ('RUN ["sh","-c"]', "RUN sh -c"),
        ("RUN []", "RUN"),
        ("COPY a b", "COPY a b"),
    ],
)
def test_instructions_as_their_author_thinks_of_them(instruction, shown):
    assert readable(instruction) == shown
    assert len(readable(f"RUN {'x' * 500}")) == 160
