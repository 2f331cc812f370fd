"""A database or broker that is wrong or away is said at the start, with what was tried."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.acceptance.server import run_assent
from tests.services import PostgresqlCluster, RabbitmqNode
from webapp.cli import main
from webapp.reachability import mask_password

AWAY = "postgresql://assent:geheim@127.0.0.1:1/assent"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["serve", "--database", AWAY], "Tried the database postgresql://assent:***@127.0.0.1:1/"),
        (["incidents", "--database", AWAY], "Connection refused"),
        (["worker", "--database", AWAY], "Connection refused"),
        (["serve", "--database", "mysql://a:geheim@b/c"], "there are sqlite:/// and postgresql://"),
        (["serve", "--database", "nonsense"], "is no URL like postgresql://user:password@"),
        (["serve", "--broker", "amqp://a:geheim@b/"], "has no use with SQLite"),
        (["worker"], "SQLite is for one process"),
    ],
)
def test_what_was_tried_is_said_without_a_traceback_or_a_password(
    options: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*options, "--data-dir", str(tmp_path)]) == 2

    printed = capsys.readouterr().err
    assert said in printed
    assert "geheim" not in printed
    assert "Traceback" not in printed


def test_a_worker_without_a_broker_or_with_the_wrong_one_says_so(
    postgresql: PostgresqlCluster,
    rabbitmq: RabbitmqNode,
    empty_postgresql_url: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    ask = ["worker", "--data-dir", str(tmp_path), "--database", empty_postgresql_url]
    port = rabbitmq.port
    wrong = {
        f"amqp://assent:geheim@127.0.0.1:{port}/test0": "refuses the user or the password",
        rabbitmq.take_url().rsplit("/", 1)[0] + "/elsewhere": "may not use this virtual host",
        "amqp://assent:geheim@127.0.0.1:1/": "nothing there speaks AMQP",
        f"amqp://assent:geheim@127.0.0.1:{postgresql.port}/": "nothing there speaks AMQP",
        "amqp://assent:geheim@127.0.0.1:x/": "this is no URL",
        "nonsense": "this is no URL like amqp://user:password@host/",
        "amqp://assent:geheim/2@127.0.0.1": "Tried the broker amqp://assent:***@127.0.0.1",
        "amqp://[::1/": "this is no URL",
    }

    assert main(ask) == 2
    assert "set --broker or ASSENT_BROKER_URL" in capsys.readouterr().err
    for url, said in wrong.items():
        assert main([*ask, "--broker", url]) == 2
        printed = capsys.readouterr().err
        assert said in printed, printed
        assert "geheim" not in printed


def test_a_broker_that_is_away_is_said_in_one_line_by_the_process_itself(
    empty_postgresql_url: str, tmp_path: Path
) -> None:
    refused = run_assent(
        *("worker", "--data-dir", tmp_path, "--database", empty_postgresql_url),
        *("--broker", "amqp://assent:geheim@127.0.0.1:1/"),
    )

    assert refused.returncode == 2
    assert refused.stderr.startswith("assent: Tried the broker amqp://assent:***@127.0.0.1:1/ (")
    assert refused.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("amqp://a:geheim@h:1/v", "amqp://a:***@h:1/v"),
        ("amqp://a:ge/h#e@im@h/v", "amqp://a:***@h/v"),
        ("a:geheim@h", "a:***@h"),
        ("amqp://h:1/v", "amqp://h:1/v"),
    ],
)
def test_a_password_is_hidden_whatever_it_holds(url: str, shown: str) -> None:
    assert mask_password(url) == shown
