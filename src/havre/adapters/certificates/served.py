"""Seeing the certificate that a port serves for a host, as a browser does."""

from __future__ import annotations

import socket
import ssl
from dataclasses import replace
from datetime import datetime
from typing import Final

from cryptography import x509
from cryptography.x509.oid import NameOID

from havre.domain.served_certificates import Served

_NAMES: Final = (NameOID.ORGANIZATION_NAME, NameOID.COMMON_NAME)


def served(host: str, *, address: str, port: int, timeout: float) -> Served:
    """What is served for a host.

    Args:
        host: the name that is asked for (SNI).
        address: where; the name is not looked up.
        port: and on which port.
        timeout: seconds for each of at most three connections.
    """
    try:
        return _read(host, _certificate(host, address, port, timeout, ssl.create_default_context()), True)
    except ssl.SSLCertVerificationError:
        pass  # its name, its dates or who signed it: seen below
    except (OSError, ValueError) as error:
        return Served(host, problem=_words(error))
    seen = _seen(host, address, port, timeout)
    return seen if seen.problem else replace(seen, is_trusted=_is_signer_known(host, address, port, timeout))


def ends(host: str, *, address: str, port: int, timeout: float) -> datetime | None:
    """When what is served for a host ends; None if nothing is. What nobody trusts ends too: one connection.

    Args:
        host: the name that is asked for (SNI).
        address: where; the name is not looked up.
        port: and on which port.
        timeout: seconds for the connection.
    """
    return _seen(host, address, port, timeout).ends


def _seen(host: str, address: str, port: int, timeout: float) -> Served:
    """What is served, whoever signed it."""
    blind = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # without the authorities, which take long to read
    blind.check_hostname, blind.verify_mode = False, ssl.CERT_NONE
    try:
        return _read(host, _certificate(host, address, port, timeout, blind), False)
    except (OSError, ValueError) as error:
        return Served(host, problem=_words(error))


def _is_signer_known(host: str, address: str, port: int, timeout: float) -> bool:
    """Whether only the name or the dates are wrong: they are told by themselves."""
    context = ssl.create_default_context()
    context.check_hostname = False
    try:
        _certificate(host, address, port, timeout, context)
    except ssl.SSLCertVerificationError as error:
        return error.verify_code in {9, 10}  # X509_V_ERR_CERT_NOT_YET_VALID, _HAS_EXPIRED
    except OSError:
        return False
    return True


def _certificate(host: str, address: str, port: int, timeout: float, context: ssl.SSLContext) -> bytes:
    with (
        socket.create_connection((address, port), timeout=timeout) as plain,
        context.wrap_socket(plain, server_hostname=host) as connection,
    ):
        return connection.getpeercert(binary_form=True) or b""


def _read(host: str, content: bytes, is_trusted: bool) -> Served:
    try:
        certificate = x509.load_der_x509_certificate(content)
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
        names = tuple(name.lower() for name in found.value.get_values_for_type(x509.DNSName))
    except x509.ExtensionNotFound:
        names = ()
    except ValueError:
        return Served(host, problem="what is served is no certificate")
    told = [str(each.value) for oid in _NAMES for each in certificate.issuer.get_attributes_for_oid(oid)]
    return Served(
        host,
        names,
        certificate.not_valid_before_utc,
        certificate.not_valid_after_utc,
        " · ".join(dict.fromkeys(told)),
        is_trusted,
    )


def _words(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "the router does not answer"
    return getattr(error, "strerror", None) or getattr(error, "reason", None) or str(error)
