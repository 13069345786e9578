"""The certificate that a server really shows."""

from __future__ import annotations

import socket
import ssl
from datetime import datetime
from typing import Final

from cryptography import x509

_TIMEOUT: Final = 5.0  # seconds


def ends(host: str, *, address: str, port: int) -> datetime | None:
    """When the certificate ends that is shown to who asks for a host; None if none is shown.

    It is not verified: what nobody trusts ends too.

    Args:
        host: the name that is asked for (SNI).
        address: where the server is.
        port: its port.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        with (
            socket.create_connection((address, port), timeout=_TIMEOUT) as plain,
            context.wrap_socket(plain, server_hostname=host) as connection,
        ):
            shown = connection.getpeercert(binary_form=True)
    except (OSError, ValueError):
        return None
    return x509.load_der_x509_certificate(shown).not_valid_after_utc if shown else None
