import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from havre.adapters.buildkit.static import StaticSite, static_dockerfile, static_request, top_files
from havre.errors import BuildError

PNPM = {"package.json", "pnpm-lock.yaml", "pnpm-workspace.yaml", "patches", ".npmrc", "src"}
INSTRUCTIONS = {"FROM", "RUN", "USER", "WORKDIR", "COPY", "CMD"}


def instructions(site: StaticSite) -> list[str]:
    return static_dockerfile(site).splitlines()[1:]


def command(line: str) -> list[str]:
    """The words of an instruction in exec form."""
    return json.loads(line[line.index("[") :])


def test_pnpm_fetches_by_the_lock_file_first():
    lines = instructions(StaticSite("apps/web/dist", "pnpm build", files=PNPM, cache="shop"))
    kinds = [line.split()[0] for line in lines]
    assert kinds == [
        "FROM",
        "RUN",
        "USER",
        "WORKDIR",
        "COPY",
        "COPY",
        "RUN",
        "COPY",
        "RUN",
        "RUN",
        "RUN",
        "FROM",
        "COPY",
    ]
    assert command(lines[4]) == ["pnpm-lock.yaml", "pnpm-workspace.yaml", ".npmrc", "./"]
    assert command(lines[6])[-1] == "fetch"
    assert command(lines[7]) == [".", "./"]
    assert command(lines[8])[-3:] == ["install", "--offline", "--frozen-lockfile"]
    assert command(lines[9])[-3:] == ["sh", "-ec", "pnpm build"]
    assert command(lines[10])[-1] == "./apps/web/dist"
    assert lines[11] == "FROM havre/nginx:1"
    assert command(lines[12]) == ["/site/", "/srv/"]
    for line in (lines[6], lines[8], lines[9]):
        assert (
            "--mount=type=secret,id=ca-certificates,target=/etc/ssl/certs/ca-certificates.crt,mode=0444"
            in line
        )
        assert "--mount=type=cache,id=havre-shop-node,target=/cache/store,uid=1000,gid=1000" in line


def test_npm_installs_by_its_lock_file():
    lines = instructions(StaticSite("dist", "npm run build", files={"package.json", "package-lock.json"}))
    assert any(line.startswith("RUN") and "ci" in command(line) for line in lines)


def test_without_a_lock_file_a_warning_is_printed():
    text = static_dockerfile(StaticSite("dist", "npm run build", files={"package.json"}))
    assert "no lock file" in text
    assert '"install", "--no-package-lock"' in text


def test_without_a_package_nothing_is_installed():
    lines = instructions(StaticSite("public", files={"public"}))
    assert [line.split()[0] for line in lines] == [
        "FROM",
        "RUN",
        "USER",
        "WORKDIR",
        "COPY",
        "RUN",
        "FROM",
        "COPY",
    ]
    assert "npm" not in "\n".join(lines[:5])


@pytest.mark.parametrize(("lock", "name"), [("yarn.lock", "Yarn"), ("bun.lock", "Bun"), ("bun.lockb", "Bun")])
def test_other_package_managers_are_told(lock, name):
    with pytest.raises(BuildError, match=name) as caught:
        static_dockerfile(StaticSite("dist", "build", files={"package.json", lock}))
    assert "pnpm" in caught.value.hint


def test_files_only_instead_of_a_single_page():
    assert "CMD" not in static_dockerfile(StaticSite("dist"))
    assert static_dockerfile(StaticSite("dist", spa=False)).splitlines()[-1] == (
        'CMD ["nginx", "-c", "/etc/nginx/files.conf"]'
    )


def test_arguments_are_for_the_command_alone():
    text = static_dockerfile(StaticSite("dist", "build", {"VITE_API": "https://api"}, files=PNPM))
    assert text.count("VITE_API") == 1
    line = next(line for line in text.splitlines() if "VITE_API" in line)
    assert command(line)[-4:] == ["VITE_API=https://api", "sh", "-ec", "build"]
    assert "ARG" not in text
    assert "ENV" not in text


HOSTILE = [
    "x\nFROM evil\nRUN touch /x",
    'x"]\nCOPY --from=evil / /\n#',
    "x \\",
    "x\r\nUSER root",
    "cat <<EOF\nRUN x\nEOF",
    'a"] <<EOF',
    "$(touch /x) `id` ${HOME} %s",
    "\u2028RUN x\u2029\u0085\x0b\x0c",
    "# escape=`",
    "\ud800",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_what_users_write_adds_no_instruction(text):
    check(StaticSite("dist", text, {"A": text}, files=PNPM), text)


@given(st.text(st.characters(exclude_characters="\0"), min_size=1))
def test_no_command_adds_an_instruction(text):
    check(StaticSite("dist", f"x{text}", {"A": f"x{text}"}, files={"package.json"}), f"x{text}")


def check(site: StaticSite, text: str) -> None:
    document = static_dockerfile(site)
    usual = static_dockerfile(StaticSite("dist", "build", {"A": "b"}, files=site.files))
    assert document.isascii()
    assert "<" not in document
    shape = [line.split()[0] for line in document.splitlines()]
    assert shape == [line.split()[0] for line in usual.splitlines()]
    assert not any(line.endswith("\\") for line in document.splitlines())
    line = next(line for line in document.splitlines() if '"A=' in line)
    assert command(line)[-4:] == [f"A={text}", "sh", "-ec", text]


@pytest.mark.parametrize(
    "wrong",
    [
        {"output": "/etc"},
        {"output": ""},
        {"output": "../x"},
        {"output": "a/../../x"},
        {"output": "a\nb"},
        {"output": "dist", "command": "a\0b"},
        {"output": "dist", "command": "x", "args": {"-i": "x"}},
        {"output": "dist", "command": "x", "args": {"A=B": "x"}},
        {"output": "dist", "command": "x", "cache": "a,target=/"},
    ],
)
def test_what_cannot_be_is_refused(wrong):
    with pytest.raises(BuildError):
        static_dockerfile(StaticSite(**{"files": PNPM, **wrong}))


def test_an_odd_output_folder_stays_one_word():
    assert command(instructions(StaticSite('-x $y"z'))[-3])[-1] == './-x $y"z'


def test_the_request_carries_it(tmp_path):
    (tmp_path / "package.json").write_text("{}")
    site = StaticSite("dist", "build", files=top_files(tmp_path))
    request = static_request(tmp_path, site, tags=("a/b:1",), labels={"x": "y"})
    assert (request.dockerfile_text, request.tags) == (static_dockerfile(site), ("a/b:1",))
    assert "node_modules" in request.ignore_text
    assert site.files == {"package.json"}


def test_an_install_command_takes_the_place_of_what_the_lock_file_says() -> None:
    text = static_dockerfile(StaticSite(output="dist", install="make deps", files=("pnpm-lock.yaml",)))
    assert '"make deps"' in text
    assert "fetch" not in text
