"""Mail, by the server that the operator named."""

import smtplib
import ssl
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
        parts = urlsplit(self.url)
        message = EmailMessage()
        message["From"] = self._sender()
        message["To"] = to
        message["Subject"] = subject
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(text)
        try:
            with self._connect() as server:
                if parts.username:
                    server.login(unquote(parts.username), unquote(parts.password or ""))
                server.send_message(message)
        except (OSError, smtplib.SMTPException) as error:
            raise MailFailed(
                f"The mail server {parts.hostname} did not take a mail ({type(error).__name__}). "
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
