"""Files that the command line makes of itself: completion for each shell, the manual page.

``python -m havre.interfaces.cli.share`` writes them, and the units, on the server where it runs: an
upgrade has the new version do that.
"""

from __future__ import annotations

from pathlib import PurePosixPath

from typer.completion import get_completion_script  # type: ignore[attr-defined] # Typer names no exports

from havre.interfaces.cli import man

_SHARE = PurePosixPath("/usr/local/share")
_COMPLETIONS = {
    "bash": _SHARE / "bash-completion/completions/havre",
    "zsh": _SHARE / "zsh/site-functions/_havre",
    "fish": _SHARE / "fish/vendor_completions.d/havre.fish",
}


def files() -> dict[PurePosixPath, str]:
    """Where each of the files belongs on a server, and its text."""
    made = {path: _script(shell) for shell, path in _COMPLETIONS.items()}
    return {**made, _SHARE / "man/man1/havre.1": man.page()}


def _script(shell: str) -> str:
    text = get_completion_script(prog_name="havre", complete_var="_HAVRE_COMPLETE", shell=shell)
    if shell == "zsh":
        # Read by zsh's autoload: the file itself is the function the first time.
        text = text.replace("compdef _havre_completion havre", '_havre_completion "$@"')
    return text + "\n"


def main() -> None:
    """Write what differs, as root on a server."""
    from havre.config import config  # noqa: PLC0415 - only here
    from havre.operations.server.install import write_program_files  # noqa: PLC0415 - only here

    write_program_files(config(), files())


if __name__ == "__main__":
    main()
