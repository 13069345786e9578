"""Repositories to try ``havre init`` on, and what it proposes for them."""

from __future__ import annotations

import shutil
from pathlib import Path

from havre.adapters.buildkit.static import StaticSite, static_request, top_files
from havre.domain.build import BuildRequest
from havre.manifest import AppService, Manifest, StaticService, load
from havre.operations.init_repository import Drafts, draft, write

REPOSITORIES = Path(__file__).parent / "repositories"


def prepared(name: str, folder: Path) -> tuple[Path, Drafts, Manifest]:
    """A copy of a repository with what ``havre init`` writes into it."""
    root = shutil.copytree(REPOSITORIES / name, folder / name)
    drafts = draft(root)
    write(drafts)
    return root, drafts, load((root / "havre.yaml").read_text())


def request_of(root: Path, service: AppService | StaticService, cache: str) -> BuildRequest:
    """The build of a service, as a deployment asks for it."""
    context = (root / service.build.context).resolve()
    if isinstance(service, AppService):
        return BuildRequest(context=context, dockerfile=service.build.dockerfile)
    site = StaticSite(
        output=service.build.output,
        command=" ".join(service.build.command),
        install=" ".join(service.build.install or ()),
        spa=service.spa,
        cache=cache,
        files=top_files(context),
    )
    return static_request(context, site)
