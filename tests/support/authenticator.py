"""An authenticator app."""

from __future__ import annotations

import base64
import hmac
import struct
import time


class Authenticator:
    """An authenticator app (RFC 6238): each of its codes is good once."""

    def __init__(self, secret: str) -> None:
        self._secret = secret
        self._step = 0

    def code(self) -> str:
        """The first code not used yet; at most that of the next half minute, which is taken too."""
        step = max(int(time.time()) // 30, self._step + 1)
        while step > time.time() // 30 + 1:
            time.sleep(0.5)
        self._step = step
        return _code(self._secret, step)


def _code(secret: str, step: int) -> str:
    """The six digits of a half minute since 1970 (RFC 6238)."""
    digest = hmac.digest(base64.b32decode(secret), struct.pack(">Q", step), "sha1")
    start = digest[-1] & 15
    return f"{(struct.unpack('>I', digest[start : start + 4])[0] & 0x7FFFFFFF) % 10**6:06d}"
