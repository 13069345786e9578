"""From text to a valid manifest, or to everything that is wrong with it.

Text becomes data with positions; the data is held to the schema as a whole, then once more for
each environment with its differences merged in; then the rules between services are checked. What
is found is told where it is written, in the environment's part of the file or in the common one.
"""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path as FilePath
from typing import Any

from pydantic import ValidationError

from havre.manifest import yaml_source
from havre.manifest.checks import Candidate, between_environments, between_services
from havre.manifest.model import PRODUCTION, Manifest
from havre.manifest.overrides import merge_services
from havre.manifest.problems import Finding, InvalidManifest, Part, Path, Problem, dotted, findings
from havre.manifest.services import SERVICE_MODELS, ServiceSpec, with_project_defaults
from havre.manifest.wording import did_you_mean
from havre.manifest.yaml_source import Source


def load_file(path: FilePath) -> Manifest:
    """The manifest in a file.

    Raises:
        ManifestError: it cannot be read, or is not valid (then with ``problems``).
    """
    try:
        with path.open("rb") as stream:
            content = stream.read(yaml_source.LARGEST_BYTES + 1)
    except OSError as error:
        reason = (error.strerror or "cannot be read").lower()
        hint = "`havre init` writes one; `havre manifest sample` shows every key"
        raise InvalidManifest([Problem("", None, None, reason, hint, file=str(path))]) from error
    return load(yaml_source.decode(content, file=str(path)), file=str(path))


def load(text: str, *, file: str = "havre.yaml") -> Manifest:
    """The manifest in a text; ``file`` is how errors name it.

    Raises:
        ManifestError: it is not valid; ``problems`` holds everything that is wrong with it.
    """
    source = yaml_source.read(text, file=file)
    early = {problem.path for problem in source.problems}
    report = _Report(source, early)
    manifest = None
    try:
        manifest = Manifest.model_validate(source.data)
    except ValidationError as error:
        for finding in findings(error, Manifest):
            report.common(finding.at(_untagged(finding.path)))
    if isinstance(source.data, dict):
        _check_environments(source.data, report)
    if source.problems or manifest is None:
        raise InvalidManifest(source.problems)
    return manifest


def _untagged(path: Path) -> Path:
    """A location without the parts with which pydantic tells a union's members apart."""
    if path[:1] != ("services",):
        return path
    if path[2:] != ("kind",):
        path = (*path[:2], *path[3:])
    return (*path[:4], *path[5:]) if path[2:3] == ("env",) else path


def _untagged_service(path: Path) -> Path:
    return (*path[:2], *path[3:]) if path[:1] == ("env",) else path


def _check_environments(data: dict[str, Any], report: _Report) -> None:
    project, services = data.get("project"), data.get("services")
    environments = data.get("environments", {PRODUCTION: {}})
    if not isinstance(services, dict) or not isinstance(environments, dict):
        return
    candidates = []
    for name, environment in environments.items():
        overrides = environment.get("services") if isinstance(environment, dict) else None
        _check_overridden(services, overrides, name, report)
        written = with_project_defaults(project, merge_services(services, overrides))
        models = {}
        for service, content in written.items():
            model = _validated(service, content, name, report)
            if model:
                models[service] = model
        candidate = Candidate(str(project), name, written, models)
        candidates.append(candidate)
        for finding in between_services(candidate):
            report.of_environment(name, finding)
    for name, finding in between_environments(candidates):
        report.of_environment(name, finding)
    report.finish(len(candidates))


def _check_overridden(services: dict[str, Any], overrides: Any, environment: str, report: _Report) -> None:
    for name, override in overrides.items() if isinstance(overrides, dict) else ():
        here: Path = ("environments", environment, "services", name)
        if name not in services:
            report.common(Finding(here, "is not one of the services", did_you_mean(name, services)))
        elif isinstance(override, dict) and isinstance(services[name], dict):
            kind = services[name].get("kind")
            if override.get("kind", kind) != kind:
                why = f"is {kind} in all environments"
                report.common(Finding((*here, "kind"), why, "remove it here"))


def _validated(name: str, content: Any, environment: str, report: _Report) -> ServiceSpec | None:
    kind = content.get("kind") if isinstance(content, dict) else None
    model = SERVICE_MODELS.get(kind) if isinstance(kind, str) else None
    if model is None:
        return None
    try:
        return model.model_validate(content)
    except ValidationError as error:
        for found in findings(error, model):
            path = ("services", name, *_untagged_service(found.path))
            report.of_environment(environment, found.at(path))
    return None


class _Report:
    """Turns findings into problems: decides where each is written, and tells it once."""

    def __init__(self, source: Source, early: set[str]) -> None:
        self._source = source
        self._early = early
        self._common: set[Finding] = set()
        self._shared: dict[Finding, list[str]] = defaultdict(list)

    def common(self, finding: Finding) -> None:
        """Something that is wrong for all environments."""
        path, _ = self._written(finding.path, ())
        self._common.add(finding)
        self._add(path, finding)

    def of_environment(self, environment: str, finding: Finding) -> None:
        """Something that is wrong in one environment, with a path as if it had no differences."""
        if finding in self._common:
            return
        here, is_here = self._written(finding.path, ("environments", environment))
        there, is_there = self._written(finding.path, ())
        if not is_here and is_there:
            self._shared[finding.at(there)].append(environment)
        elif not is_here and not self._source.positions.keys() & {here[:4]}:
            self._shared[finding].append(environment)
        else:
            self._add(here, finding)

    def finish(self, environments: int) -> None:
        """Report what is written in the common part but wrong in some environments."""
        for finding, where in self._shared.items():
            suffix = f" (in {', '.join(where)})" if len(where) < environments else ""
            self._add(finding.path, finding.at(finding.path, suffix))

    def _add(self, path: Path, finding: Finding) -> None:
        problem_path = dotted(path)
        if not any(problem_path == known or known.startswith(problem_path + ".") for known in self._early):
            self._source.report(finding.at(path))

    def _written(self, path: Path, prefix: Path) -> tuple[Path, bool]:
        """Where a location is in the file (a short form ends it early), and whether it is there."""
        node = self._source.data
        done: list[Part] = []
        for part in (*prefix, *path):
            if isinstance(node, dict):
                if part == "domains" and part not in node and "domain" in node:
                    return (*done, "domain"), True
                if part not in node:
                    return (*prefix, *path), False
                node = node[part]
            elif isinstance(node, list) and isinstance(part, int):
                if part >= len(node):
                    return (*prefix, *path), False
                node = node[part]
            else:
                return tuple(done), True
            done.append(part)
        return tuple(done), True
