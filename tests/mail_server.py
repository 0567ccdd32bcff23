"""A mail server of the tests: takes every letter, with or without encryption, or refuses addresses."""

import email
import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.policy import default
from typing import cast


@dataclass
class Received:
    """One letter, and whom it was handed over for."""

    to: list[str]
    message: EmailMessage


@dataclass
class MailServer:
    """url: for KHO_SMTP_URL; said: every line of commands; encrypted: those of them that came encrypted."""

    port: int = 0
    received: list[Received] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    encrypted: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"


@contextmanager
def mail_server(encryption: ssl.SSLContext | None = None, refused: tuple[str, ...] = ()) -> Iterator[MailServer]:
    """A server that runs for the block. encryption: offered by STARTTLS; refused: addresses."""
    there = MailServer()

    class Conversation(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with suppress(OSError):  # a client that does not trust us hangs up
                self.converse()

        def converse(self) -> None:
            link, secure, to = self.request, False, list[str]()
            lines = link.makefile("rb")
            link.sendall(b"220 ready\r\n")
            while line := lines.readline():
                text = line.decode().rstrip("\r\n")
                (there.encrypted if secure else there.said).append(text)
                verb = text.split(" ")[0].upper()
                if verb == "EHLO":
                    offers = [b"STARTTLS"] if encryption and not secure else [b"AUTH PLAIN"]
                    link.sendall(
                        b"250-here\r\n" + b"".join(b"250-" + one + b"\r\n" for one in offers) + b"250 well\r\n"
                    )
                elif verb == "STARTTLS" and encryption:
                    link.sendall(b"220 go on\r\n")
                    link, secure = encryption.wrap_socket(link, server_side=True), True
                    lines = link.makefile("rb")
                elif verb == "AUTH":
                    link.sendall(b"235 well\r\n")
                elif verb == "RCPT":
                    address = text.split("<")[1].split(">")[0]
                    link.sendall(b"550 nobody here\r\n" if address in refused else b"250 well\r\n")
                    to += [] if address in refused else [address]
                elif verb == "DATA":
                    link.sendall(b"354 go on\r\n")
                    body = b"".join(iter(lines.readline, b".\r\n"))
                    there.received.append(
                        Received(to, cast(EmailMessage, email.message_from_bytes(body, policy=default)))
                    )
                    to = []
                    link.sendall(b"250 taken\r\n")
                elif verb == "QUIT":
                    link.sendall(b"221 bye\r\n")
                    return
                else:
                    link.sendall(b"250 well\r\n")

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Conversation) as server:
        there.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield there
        finally:
            server.shutdown()
