"""A mail server of the tests: it takes every mail and keeps it."""

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage


class _Conversation(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        self._say("220 ready")
        while line := self.rfile.readline().decode().strip():
            word = line.split()[0].upper()
            if word == "MAIL" and self.server.refuses:  # type: ignore[attr-defined]
                self._say("451 not now, canary")
                continue
            if word == "DATA":
                self._say("354 go on")
                self.server.kept.append(self._mail())  # type: ignore[attr-defined]
            if word == "QUIT":
                self._say("221 bye")
                return
            self._say("250 fine")

    def _mail(self) -> EmailMessage:
        lines = []
        while (line := self.rfile.readline()) != b".\r\n":
            lines.append(line)
        mail = message_from_bytes(b"".join(lines), policy=policy.default)
        assert isinstance(mail, EmailMessage)
        return mail

    def _say(self, text: str) -> None:
        self.wfile.write(f"{text}\r\n".encode())


class Post(socketserver.TCPServer):
    """`kept` are the mails, `url` what PACKISTRY_SMTP_URL says of it; it may refuse them."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Conversation)
        self.kept: list[EmailMessage] = []
        self.refuses = False
        self.url = f"smtp://127.0.0.1:{self.server_address[1]}?from=packistry@x.org"


@contextmanager
def post_office() -> Iterator[Post]:
    """One server, until the block ends."""
    with Post() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
