"""Mail through the server that KHO_SMTP_URL names."""

import smtplib
import ssl
from collections.abc import Sequence
from email.message import EmailMessage
from pathlib import Path
from urllib.parse import unquote, urlsplit

from lake.settings import Settings, SettingsError

SERVER = "KHO_SMTP_URL"
SECONDS = 20.0
HERE = ("127.0.0.1", "localhost", "::1")


def send(settings: Settings, addresses: str, subject: str, text: str, attached: Sequence[Path] = ()) -> None:
    """Send one mail. addresses: separated by commas; attached: PDF files.

    A password travels encrypted or not at all. Raises OSError (of which smtplib's errors are), also if the server
    refuses one of the addresses, and SettingsError.
    """
    url = urlsplit(settings.source(SERVER))
    if url.scheme not in ("smtp", "smtps") or not url.hostname:
        raise SettingsError(f"{SERVER} is no address of a mail server; expected smtp://user:password@host:587")
    message = EmailMessage()
    message["Subject"], message["To"] = subject, addresses
    message["From"] = unquote(url.username) if url.username and "@" in unquote(url.username) else f"kho@{url.hostname}"
    message.set_content(text)
    for path in attached:
        message.add_attachment(path.read_bytes(), maintype="application", subtype="pdf", filename=path.name)
    encrypted = url.scheme == "smtps"
    trusted = ssl.create_default_context()
    with (
        smtplib.SMTP_SSL(url.hostname, url.port or 465, timeout=SECONDS, context=trusted)
        if encrypted
        else smtplib.SMTP(url.hostname, url.port or 25, timeout=SECONDS)
    ) as smtp:
        smtp.ehlo()  # what the server can is known only then
        if not encrypted and smtp.has_extn("starttls"):
            smtp.starttls(context=trusted)
            encrypted = True
        if url.username:
            if not encrypted and url.hostname not in HERE:
                raise SettingsError(
                    f"{SERVER}: {url.hostname} offers no encryption, the password would travel in the clear"
                )
            smtp.login(unquote(url.username), unquote(url.password or ""))
        if refused := smtp.send_message(message):
            raise smtplib.SMTPRecipientsRefused(refused)
