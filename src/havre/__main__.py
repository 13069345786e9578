"""The ``havre`` command."""

from __future__ import annotations


def main() -> None:
    """Run the command line interface."""
    from havre.interfaces.cli.app import run  # noqa: PLC0415 - keeps `import havre` light

    run()


if __name__ == "__main__":
    main()
