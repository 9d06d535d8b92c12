"""What is wrong with a host's TLS, and what to do about it."""

import socket
import ssl
from collections.abc import Iterator, Sequence
from pathlib import Path

# What OpenSSL calls X509_V_ERR_HOSTNAME_MISMATCH, …_IP_ADDRESS_MISMATCH, …_CERT_HAS_EXPIRED,
# …_CERT_NOT_YET_VALID and …_DEPTH_ZERO_SELF_SIGNED_CERT.
_OTHER_NAME = (62, 64)
_EXPIRED = 10
_NOT_YET = 9
_SELF_SIGNED = 18


def tls_fault(error: BaseException) -> str:
    """What is wrong with a host's TLS and what to do about it, to stand after its address."""
    found = next((each for each in _causes(error) if isinstance(each, ssl.SSLError)), None)
    if not isinstance(found, ssl.SSLCertVerificationError):
        reason = f" ({found.reason.lower().replace('_', ' ')})" if found and found.reason else ""
        return f"speaks no TLS that we know{reason}. Is it at http:// or another port?"
    if found.verify_code in _OTHER_NAME:
        return "has a certificate that is for another name. Enter the address with that name."
    if found.verify_code == _EXPIRED:
        return "has a certificate that has expired. Renew it there."
    if found.verify_code == _NOT_YET:
        return "has a certificate that is not valid yet. Set the clocks of both machines."
    why = f" ({found.verify_message})" if found.verify_message else ""
    whose = "that certificate" if found.verify_code == _SELF_SIGNED else "its CA"
    return f"has no certificate we trust{why}. Install {whose} on this machine."


def look_at(
    host: str, port: int, addresses: Sequence[str], ca_file: Path | None, seconds: float
) -> str:
    """What is wrong with the TLS of a host, as `tls_fault` has it; "" where nothing is found.

    Connects to the first of its addresses and sends nothing but the handshake. `ca_file` holds
    the certificates to trust instead of the system's.
    """
    context = ssl.create_default_context(cafile=ca_file)
    try:
        with (
            socket.create_connection((addresses[0], port), seconds) as connection,
            context.wrap_socket(connection, server_hostname=host),
        ):
            return ""
    except ssl.SSLError as error:
        return tls_fault(error)
    except OSError:
        # It is away by now, which is what the caller tells in its own words.
        return ""


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and those inside it: requests and urllib3 keep them in places of their own."""
    inside: BaseException | None = error
    while inside is not None:
        yield inside
        kept = getattr(inside, "reason", None), *inside.args
        inside = next((each for each in kept if isinstance(each, BaseException)), None)
