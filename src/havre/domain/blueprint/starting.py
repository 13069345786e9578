"""How a Node.js program is started in production: from its scripts, or from what usually begins one."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass

from havre.domain.blueprint.facts import Facts
from havre.domain.blueprint.packages import Package

_SHELL = re.compile(r"[&|;<>$`*?(){}]")
_ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=.*")
_SCRIPTS = ("start:prod", "start:production", "serve:prod", "start")
_RUNNERS = re.compile(r"(?:npm|pnpm|yarn)(?: run)? ([A-Za-z0-9:_-]+)")
_TYPESCRIPT_RUNNERS = {"tsx", "ts-node", "ts-node-esm", "esno", "tsm"}
_DEVELOPMENT = {"nodemon", "vite", "react-scripts", "ng", "astro", "gatsby", "eleventy", "docusaurus"}
_FILES = ("server.js", "index.js", "app.js", "main.js", "src/server.js", "src/index.js", "src/app.js",
          "src/main.js", "server.mjs", "index.mjs", "server.ts", "index.ts", "src/server.ts", "src/index.ts",
          "src/main.ts")  # fmt: skip
BINARIES = "node_modules/.bin"


@dataclass(frozen=True)
class Start:
    """Arguments of the program, and what says so; ``missing`` names a package it needs at run time."""

    words: tuple[str, ...]
    why: str
    missing: str = ""

    @property
    def file(self) -> str:
        """The file that Node.js starts, if it is plain to see."""
        if self.words[:1] != ("node",):
            return ""
        return next((word.removeprefix("./") for word in self.words[1:] if not word.startswith("-")), "")


def start_of(facts: Facts, package: Package) -> Start | None:
    """How to start a package, None if nothing says it."""
    for name in _SCRIPTS:
        if name in package.scripts and (found := of_script(package, name)):
            return found
    main = package.data.get("main")
    if isinstance(main, str) and re.fullmatch(r"[\w./-]+", main) and "listen" not in package.scripts:
        file = main.removeprefix("./")
        is_there = facts.has(package.folder, file) or "build" in package.scripts
        if is_there:
            return Start(("node", file), f"main in package.json is {main}")
    for file in _FILES:
        if facts.has(package.folder, file):
            return Start(("node", file), f"{file} is there")
    return None


def of_script(package: Package, name: str, depth: int = 3) -> Start | None:
    """A script's command without what it only sets for a shell; None if it is one for development."""
    text = package.scripts[name].strip()
    why = f"as the script {name}"
    if _SHELL.search(text):
        return Start(("sh", "-c", text), why)
    try:
        words = shlex.split(text)
    except ValueError:
        return None
    while words and (words[0] == "cross-env" or _ASSIGNMENT.fullmatch(words[0])):
        words = words[1:]
    if not words:
        return None
    other = _RUNNERS.fullmatch(" ".join(words))
    if other and depth and other[1] in package.scripts:
        return of_script(package, other[1], depth - 1)
    return _command(package, words, why)


def _command(package: Package, words: list[str], why: str) -> Start | None:
    program = words[0]
    if program in _DEVELOPMENT or "--watch" in words or "watch" in words[1:2]:
        return None
    if program == "node":
        is_package = words[1:] == ["."]
        return Start(("node", table_text(package, "main") or "index.js") if is_package else tuple(words), why)
    if program == "nest":
        return Start(("node", "dist/main.js"), f"{why} would build again")
    if program == "tsx" and "tsx" in package.production and len(words) > 1:
        return Start(("node", "--import", "tsx", *words[1:]), why)
    known = package.production if program in _TYPESCRIPT_RUNNERS else package.all
    brings = program in known or any(program in name for name in known)
    return Start((f"{BINARIES}/{program}", *words[1:]), why, "" if brings else program)


def table_text(package: Package, key: str) -> str:
    """A text directly in package.json, empty if there is none."""
    value = package.data.get(key)
    return value if isinstance(value, str) else ""
