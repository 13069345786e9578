"""``python -m havre.interfaces.server ROLE``: one of the processes of a server."""

from __future__ import annotations

import sys

from havre.errors import HavreError
from havre.interfaces.server import commands, supervisor

_ROLES = {
    "serve": supervisor.run,
    "set-up": commands.set_up,
    "web": commands.web,
    "worker": commands.worker,
}


def main() -> None:
    """Run the role that is named; an error of ours is told in two lines."""
    try:
        _ROLES[sys.argv[1]]()
    except HavreError as error:
        sys.exit(f"{sys.argv[1]}: {error.message}" + (f"\nhint: {error.hint}" if error.hint else ""))


main()
