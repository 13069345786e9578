"""The proof by which the web process knows the router: a header whose value both derive of one key.

Whatever runs on the server can open a connection to the address at which the router asks, applications too.
Only the router says the truth of where a request came from, and that it came by HTTPS.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Final

HEADER: Final = "X-Havre-Router"
"""The header; the router puts it in place of one that a client sends."""


def proof_of(key: str) -> str:
    """The value of the header, of Django's own key (32 random characters or more); it does not tell that."""
    return hmac.new(key.encode(), b"havre router", hashlib.sha256).hexdigest()


def is_proof(given: bytes, key: str) -> bool:
    """Whether a header's value is the router's, in a time that does not tell how much of it is right."""
    return hmac.compare_digest(given, proof_of(key).encode())
