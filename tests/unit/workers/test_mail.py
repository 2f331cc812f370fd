"""Mail settings are read strictly; a repeated mail is recognized by its Message-ID."""

from __future__ import annotations

import pytest

from engine.errors import InvalidInput
from workers.mail import MailServer, make_mail, read_mail_server

SENDER = "assent@example.org"


def test_without_a_setting_there_is_no_mail_server() -> None:
    assert read_mail_server(None, SENDER) is None
    assert read_mail_server("", SENDER) is None


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("smtp://mail.example.org", ("smtp", "mail.example.org", 25, None, None)),
        ("smtps://mail.example.org:2465", ("smtps", "mail.example.org", 2465, None, None)),
        (
            "smtp+starttls://us%40er:p%3Aw@mail.example.org",
            ("smtp+starttls", "mail.example.org", 587, "us@er", "p:w"),
        ),
    ],
)
def test_a_mail_server_is_read_from_its_url(
    url: str, expected: tuple[str, str, int, str | None, str | None]
) -> None:
    server = read_mail_server(url, SENDER)

    assert server is not None
    assert (server.scheme, server.host, server.port, server.user, server.password) == expected


@pytest.mark.parametrize("url", ["mail.example.org", "http://mail.example.org", "smtp://"])
def test_other_settings_are_refused_by_name(url: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        read_mail_server(url, SENDER)
    assert refused.value.field == "ASSENT_SMTP_URL"


def test_the_same_message_to_the_same_person_has_the_same_id() -> None:
    server = MailServer("smtp", "mail.example.org", 25, None, None, SENDER)

    ids = [
        make_mail(server, address, "Decide", "P4 waits.", message_key=key)["Message-ID"]
        for address, key in (
            ("a@x.org", "j1"),
            ("a@x.org", "j1"),
            ("b@x.org", "j1"),
            ("a@x.org", "j2"),
        )
    ]

    assert ids[0] == ids[1]
    assert len(set(ids)) == 3


def test_a_subject_line_cannot_bring_headers_of_its_own() -> None:
    server = MailServer("smtp", "mail.example.org", 25, None, None, SENDER)

    mail = make_mail(server, "a@x.org", "Decide\r\nBcc: spy@x.org", "text", message_key="j")

    assert mail["Bcc"] is None
    assert mail["Subject"] == "Decide Bcc: spy@x.org"
