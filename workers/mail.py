"""Sending mail through the configured SMTP server; without one nothing is sent and that is said."""

from __future__ import annotations

import smtplib
import ssl
from dataclasses import dataclass
from email.message import EmailMessage
from urllib.parse import unquote, urlsplit

from engine.errors import InvalidInput

TIMEOUT_SECONDS = 30
PORTS = {"smtp": 25, "smtp+starttls": 587, "smtps": 465}


@dataclass(frozen=True, slots=True)
class MailServer:
    """Where mail is handed in and who sends it."""

    scheme: str
    host: str
    port: int
    user: str | None
    password: str | None
    sender: str


def read_mail_server(url: str | None, sender: str) -> MailServer | None:
    """Read ASSENT_SMTP_URL: `smtp`, `smtp+starttls` or `smtps`, `://user:password@host:port`.

    Nothing means that no mail is sent. Raises InvalidInput for anything else.
    """
    if not url:
        return None
    parts = urlsplit(url)
    if parts.scheme not in PORTS or not parts.hostname:
        raise InvalidInput(
            "ASSENT_SMTP_URL is of the form smtps://user:password@host:port "
            "(or smtp://, smtp+starttls://).",
            field="ASSENT_SMTP_URL",
        )
    return MailServer(
        scheme=parts.scheme,
        host=parts.hostname,
        port=parts.port or PORTS[parts.scheme],
        user=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password) if parts.password else None,
        sender=sender,
    )


def make_mail(
    server: MailServer, address: str, subject_line: str, text: str, *, message_key: str
) -> EmailMessage:
    """Make one mail; the same key and address give the same Message-ID, so repeats are known."""
    mail = EmailMessage()
    mail["From"] = server.sender
    mail["To"] = address
    mail["Subject"] = " ".join(subject_line.split())
    domain = server.sender.rpartition("@")[2].strip(">") or "assent.invalid"
    recipient = address.replace("@", ".at.")
    mail["Message-ID"] = f"<{message_key}.{recipient}@{domain}>"
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(text)
    return mail


def send_mails(server: MailServer, mails: list[EmailMessage]) -> None:
    """Hand these mails in over one connection; smtplib's errors and OSError go to the caller."""
    context = ssl.create_default_context()
    if server.scheme == "smtps":
        connection: smtplib.SMTP = smtplib.SMTP_SSL(
            server.host, server.port, timeout=TIMEOUT_SECONDS, context=context
        )
    else:
        connection = smtplib.SMTP(server.host, server.port, timeout=TIMEOUT_SECONDS)
    with connection:
        if server.scheme == "smtp+starttls":
            connection.starttls(context=context)
        if server.user is not None:
            connection.login(server.user, server.password or "")
        for mail in mails:
            connection.send_message(mail)
