"""Mail really goes out: a small SMTP server of the test's own takes it."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator
from typing import ClassVar

import pytest

from workers.mail import MailServer, make_mail, send_mails


class Mailbox(socketserver.StreamRequestHandler):
    """Speaks as much SMTP as a delivery needs and keeps what it is given."""

    taken: ClassVar[list[str]] = []

    def handle(self) -> None:
        """Answer one connection."""
        self.wfile.write(b"220 test\r\n")
        while line := self.rfile.readline():
            word = line.split()[0].upper() if line.split() else b""
            if word == b"DATA":
                self.wfile.write(b"354 go on\r\n")
                self.taken.append("".join(self._read_data()))
                self.wfile.write(b"250 kept\r\n")
            elif word == b"QUIT":
                self.wfile.write(b"221 bye\r\n")
                return
            else:
                self.wfile.write(b"250 fine\r\n")

    def _read_data(self) -> Iterator[str]:
        while (line := self.rfile.readline()) != b".\r\n":
            yield line.decode()


@pytest.fixture
def mail_server() -> Iterator[MailServer]:
    Mailbox.taken.clear()
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Mailbox) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        host, port = server.server_address[:2]
        yield MailServer("smtp", str(host), int(port), None, None, "assent@example.org")
        server.shutdown()
        thread.join()


def test_each_mail_reaches_the_server_with_its_text(mail_server: MailServer) -> None:
    mails = [
        make_mail(mail_server, address, "Decide on P4", "P4 waits für dich.", message_key="j1")
        for address in ("a@example.org", "b@example.org")
    ]

    send_mails(mail_server, mails)

    assert len(Mailbox.taken) == 2
    assert "Subject: Decide on P4" in Mailbox.taken[0]
    assert "To: b@example.org" in Mailbox.taken[1]


def test_a_server_that_is_not_there_is_an_error_of_the_handler() -> None:
    nowhere = MailServer("smtp", "127.0.0.1", 9, None, None, "assent@example.org")
    mail = make_mail(nowhere, "a@example.org", "s", "t", message_key="j")

    with pytest.raises(OSError, match="refused"):
        send_mails(nowhere, [mail])
