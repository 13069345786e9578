"""Everything else that takes messages, by Apprise (https://github.com/caronc/apprise).

Apprise takes 36 MB of memory, and runs in a process of its own that ends with the message. The address, which
holds tokens, goes there by standard input: an argument list can be read by others.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Final

from havre.errors import HavreError

_PATIENCE: Final = 60.0  # seconds
_BAD_ADDRESS: Final = 3
_NOT_TAKEN: Final = 4
_TYPES: Final = frozenset({"info", "success", "warning", "failure"})


def send(address: str, *, title: str, text: str, kind: str = "warning") -> None:
    """Send a message.

    Args:
        address: as Apprise has them, such as ``slack://…``; it is a secret.
        title: one line.
        text: the message.
        kind: ``info``, ``success``, ``warning`` or ``failure``.

    Raises:
        HavreError: the address is none, or the message was not taken.
    """
    document = json.dumps({"address": address, "title": title, "text": text, "kind": kind})
    try:
        ended = subprocess.run(
            [sys.executable, "-m", __name__],
            input=document,
            text=True,
            capture_output=True,
            timeout=_PATIENCE,
            check=False,
            env={**os.environ, "PYTHONWARNINGS": "ignore"},
        )
    except subprocess.TimeoutExpired:
        raise HavreError(f"the service did not answer in {_PATIENCE:.0f} s", retryable=True) from None
    if ended.returncode == _BAD_ADDRESS:
        raise HavreError(
            "Apprise does not know such an address", hint="see https://github.com/caronc/apprise/wiki"
        )
    if ended.returncode == _NOT_TAKEN:
        raise HavreError("the service did not take the message", retryable=True)
    if ended.returncode:
        raise HavreError(f"Apprise ended with {ended.returncode}", retryable=True)


def scheme(address: str) -> str:
    """What an address begins with, which is no secret."""
    return address.partition("://")[0][:20]


def _main() -> int:
    import apprise  # noqa: PLC0415 - only in the process that is for it

    document = json.load(sys.stdin)
    sender = apprise.Apprise()
    if not sender.add(document["address"]):
        return _BAD_ADDRESS
    kind = document["kind"] if document["kind"] in _TYPES else "info"
    is_taken = sender.notify(body=document["text"], title=document["title"], notify_type=kind)
    return 0 if is_taken else _NOT_TAKEN


if __name__ == "__main__":
    sys.exit(_main())
