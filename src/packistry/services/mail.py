"""Mail, by the server that the operator named."""

import smtplib
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import EmailMessage
from urllib.parse import parse_qs, unquote, urlsplit

from packistry.errors import PackistryError
from packistry.plugin.auth import is_encrypted

SECONDS = 20
PORTS = {"smtp": 587, "smtps": 465}


class MailFailed(PackistryError):
    """The mail could not be handed over; the text says why, without what was to be sent."""


@dataclass(frozen=True, kw_only=True)
class Post:
    """A mail server as `PACKISTRY_SMTP_URL` describes it.

    What is sent to another machine is encrypted always: from the first byte (smtps), or by
    STARTTLS (smtp).
    """

    url: str

    def send(self, to: str, subject: str, text: str) -> None:
        """Hand one mail over. Raises MailFailed."""
        message = EmailMessage()
        message["From"] = self._sender()
        message["To"] = to
        message["Subject"] = subject
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(text)
        with self._server() as server:
            server.send_message(message)

    def check(self) -> None:
        """Whether the server lets us in. Raises MailFailed."""
        with self._server() as server:
            server.noop()

    @contextmanager
    def _server(self) -> Iterator[smtplib.SMTP]:
        parts = urlsplit(self.url)
        try:
            with self._connect() as server:
                if parts.username:
                    server.login(unquote(parts.username), unquote(parts.password or ""))
                yield server
        except (OSError, smtplib.SMTPException) as error:
            raise MailFailed(
                f"The mail server {parts.hostname} did not take a mail ({_why(error)}). "
                "Look at PACKISTRY_SMTP_URL and at the server's own log."
            ) from error

    def _connect(self) -> smtplib.SMTP:
        parts = urlsplit(self.url)
        host, port = parts.hostname or "", parts.port or PORTS[parts.scheme]
        context = ssl.create_default_context()
        if parts.scheme == "smtps":
            return smtplib.SMTP_SSL(host, port, timeout=SECONDS, context=context)
        server = smtplib.SMTP(host, port, timeout=SECONDS)
        # To this machine nobody listens in.
        if not is_encrypted(f"http://{parts.netloc.rpartition('@')[2]}"):
            server.starttls(context=context)
        return server

    def _sender(self) -> str:
        parts = urlsplit(self.url)
        given = parse_qs(parts.query).get("from", [""])[0]
        return given or f"packistry@{parts.hostname}"


def _why(error: Exception) -> str:
    """What to say of it: never a server's own words, which may repeat what was sent."""
    if isinstance(error, smtplib.SMTPAuthenticationError):
        return "it refuses the user name and password"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate cannot be trusted: {error.verify_message}"
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return "it refuses the address"
    if isinstance(error, smtplib.SMTPSenderRefused):
        return f"it refuses the sender, which from= names, with status {error.smtp_code}"
    if isinstance(error, smtplib.SMTPResponseException):
        return f"status {error.smtp_code}"
    if isinstance(error, TimeoutError):
        return "it did not answer in time"
    if isinstance(error, ConnectionRefusedError):
        return "nothing listens there"
    if isinstance(error, socket.gaierror):
        return "there is no such name"
    return type(error).__name__
