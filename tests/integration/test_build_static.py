"""Static sites: built with the platform's Node image, served by its nginx image, on a real engine."""

from __future__ import annotations

import uuid

import pytest

from havre.adapters.buildkit.build import build
from havre.adapters.buildkit.static import StaticSite, static_request, top_files
from havre.errors import BuildError
from integration.build_fixtures import (
    engine,
    folder,
    host,
    make,
    npm_package,
    output,
    platform,
    pnpm_workspace,
)

__all__ = ["engine", "host", "make", "platform"]  # fixtures


def request(context, output_folder, command="", **more):
    site = StaticSite(output_folder, command, files=top_files(context), cache="havre-test", **more)
    return static_request(context, site)


def test_a_pnpm_workspace(engine, make, tmp_path):
    context = pnpm_workspace(tmp_path)
    title = f"T {uuid.uuid4()}"
    asked = request(context, "apps/web/dist", "pnpm --filter web build", args={"VITE_TITLE": title})
    result, lines = make(asked)
    assert output(result.image_id, "cat /srv/index.html") == f"<h1>true {title} 1000</h1>"
    files = output(result.image_id, "cd /srv && find . -type f | sort | paste -s -d ' '").split()
    assert files == [
        "./assets/app-1a2b3c4d.js",
        "./assets/app-1a2b3c4d.js.br",
        "./assets/app-1a2b3c4d.js.gz",
        "./index.html",
    ]
    assert any("precompressed" in line for line in lines)
    image = engine.images.get(result.image_id)
    assert image.attrs["Config"]["User"] == "nginx"
    assert image.attrs["Config"]["Cmd"] == ["nginx", "-c", "/etc/nginx/spa.conf"]
    assert title not in str(image.history())
    assert result.size - engine.images.get("havre/nginx:1").attrs["Size"] < 20_000

    source = context / "apps/web/build.js"
    source.write_text(source.read_text().replace("<h1>", "<h2>"))
    changed, lines = make(asked)
    assert "<h2>" in output(changed.image_id, "cat /srv/index.html")
    text = "\n".join(lines)
    fetch = next(line for line in lines if line.endswith("fetch"))
    assert f"{fetch.split(']')[0]}] cached" in text, "dependencies are not fetched again"


@pytest.mark.parametrize("locked", [True, False])
def test_an_npm_package(engine, make, tmp_path, locked):
    context = npm_package(tmp_path, locked=locked)
    result, lines = make(request(context, "dist", "npm run build"))
    assert output(result.image_id, "cat /srv/index.html") == "<h1>true  1000</h1>"
    assert any("no lock file" in line for line in lines) != locked


def test_files_that_need_no_build(engine, make, tmp_path):
    context = folder(tmp_path, {"index.html": "<h1>", "havre.yaml": "x", "a/b c.txt": "x"})
    result, _ = make(request(context, ".", spa=False))
    assert output(result.image_id, "cd /srv && find . -type f | sort") == "./a/b c.txt\n./index.html\n"
    assert engine.images.get(result.image_id).attrs["Config"]["Cmd"][-1] == "/etc/nginx/files.conf"


def failure(host, asked) -> BuildError:
    with pytest.raises(BuildError) as caught:
        build(asked, engine_host=host, report=lambda _: None)
    return caught.value


def test_a_missing_output_folder_names_what_is_there(host, engine, tmp_path):
    context = folder(tmp_path, {"README": "x"})
    command = "mkdir -p apps/web/build && echo x >apps/web/build/index.html"
    error = failure(host, request(context, "apps/web/dist", command))
    assert error.message == "The build made no folder apps/web/dist; in apps/web there is: build"
    assert "There is an index.html in: apps/web/build." in error.hint
    error = failure(host, request(context, "dist", "true"))
    assert error.message == "The build made no folder dist; in . there is: README"
    error = failure(host, request(context, "dist", "mkdir dist"))
    assert error.message == "The folder dist is empty after the build"


def test_a_failing_command_is_shown_as_it_was_written(host, engine, tmp_path):
    error = failure(host, request(folder(tmp_path, {"a": "x"}), "dist", "echo going\nfalse\necho on"))
    assert error.message == "RUN echo going false echo on failed with exit code 1."
    assert error.detail.splitlines() == ["going"]


@pytest.mark.parametrize(
    "nasty",
    [
        "x\nFROM havre/base:trixie\nRUN touch /srv/hacked",
        '"]\nCOPY . /srv/hacked',
        "x\\",
        "<<EOF\nUSER root\nEOF",
        "$x `y`",
    ],
)
def test_a_command_is_never_more_than_a_command(engine, make, tmp_path, nasty):
    context = folder(tmp_path, {"a": "x"})
    command = (
        'mkdir -p dist; printf %s "$NASTY" >dist/index.html; id -u >dist/id; : \''
        + nasty.replace("'", "")
        + "'"
    )
    result, _ = make(request(context, "dist", command, args={"NASTY": nasty}))
    assert output(result.image_id, "cat /srv/index.html") == nasty
    assert output(result.image_id, "cat /srv/id; ls /srv; id -u") == "1000\nid\nindex.html\n101\n"
