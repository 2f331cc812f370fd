"""Processes of one installation have the same keys, or are refused when they start."""

from __future__ import annotations

import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import select

from engine.commands.context import execute
from engine.commands.keys import HeldKey, record_keys, replace_keys
from engine.context import SYSTEM, Actor
from models.audit import AuditEvent
from models.database import Database
from models.installation import InstallationKey
from models.vocabulary import AuditTag
from tests.acceptance.server import Server, run_assent
from tests.conftest import MovableClock
from webapp.cli import main
from webapp.config import BadSetting
from webapp.keys import SECRET, SIGNING, require_same_keys

ONE = HeldKey(SECRET, b"one secret", "/one/secret.key on a")
OTHER = HeldKey(SECRET, b"another secret", "/other/secret.key on b")
MARTA = Actor("u02", "Marta Novak")


def test_the_first_start_records_the_key_and_the_same_key_passes(
    either_database: Database, clock: MovableClock
) -> None:
    require_same_keys(either_database, clock, [ONE])
    clock.advance(days=1)

    require_same_keys(either_database, clock, [ONE])

    with either_database.read() as session:
        [row] = session.scalars(select(InstallationKey))
    assert (row.name, row.place) == (SECRET, ONE.place)
    assert len(row.fingerprint) == 64
    assert "one secret" not in f"{row.salt} {row.fingerprint} {row.place}"


def test_another_key_is_refused_with_where_both_are_from_and_what_to_do(
    either_database: Database, clock: MovableClock
) -> None:
    require_same_keys(either_database, clock, [ONE])

    with pytest.raises(BadSetting) as refused:
        require_same_keys(either_database, clock, [OTHER])

    said = str(refused.value)
    assert said.startswith("The secret key of this process is not the one of this installation.")
    for part in (
        ONE.place,
        OTHER.place,
        "2026-11-23 09:00 UTC",
        "ASSENT_SECRET_KEY",
        "keys accept",
    ):
        assert part in said
    assert "another secret" not in said
    require_same_keys(either_database, clock, [ONE])


def test_a_key_that_is_accepted_replaces_the_recorded_one_and_that_is_on_record(
    either_database: Database, clock: MovableClock
) -> None:
    require_same_keys(either_database, clock, [ONE])

    replaced = execute(either_database, clock, MARTA, replace_keys, keys=[OTHER])
    again = execute(either_database, clock, MARTA, replace_keys, keys=[OTHER])

    assert (replaced, again) == ([SECRET], [])
    require_same_keys(either_database, clock, [OTHER])
    with pytest.raises(BadSetting):
        require_same_keys(either_database, clock, [ONE])
    with either_database.read() as session:
        [event] = session.scalars(select(AuditEvent))
    assert (event.tag, event.actor_name) == (AuditTag.KEY_REPLACED, "Marta Novak")
    assert event.detail["before"] != event.detail["after"]


def test_of_starts_at_once_with_different_keys_one_records_and_the_others_are_refused(
    empty_postgresql_url: str, clock: MovableClock
) -> None:
    keys = [HeldKey(SECRET, f"secret {number}".encode(), "/here") for number in range(6)]

    def start(key: HeldKey) -> bool:
        database = Database(empty_postgresql_url)
        try:
            with database.starting():
                found = execute(database, clock, SYSTEM, record_keys, keys=[key])
        finally:
            database.close()
        return found[0].is_same

    with ThreadPoolExecutor(len(keys)) as threads:
        assert sum(threads.map(start, keys)) == 1


def test_keys_that_no_start_has_recorded_yet_are_shown_and_not_recorded(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["keys", "show", "--data-dir", str(tmp_path)]) == 0
    assert capsys.readouterr().out.count("is recorded by the first start") == 2

    assert main(["keys", "show", "--json", "--data-dir", str(tmp_path)]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown == [{"key": SECRET, "same": True}, {"key": SIGNING, "same": True}]
    database = Database(f"sqlite:///{tmp_path / 'assent.sqlite'}")
    with database.read() as session:
        assert session.scalars(select(InstallationKey)).all() == []
    database.close()


@pytest.mark.parametrize("file", ["signing-key.pem", "old.pub.pem"])
def test_a_file_that_holds_no_key_is_named(
    file: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["keys", "show", "--data-dir", str(tmp_path)]) == 0
    (tmp_path / "keys" / file).write_text("no key")

    assert main(["keys", "show", "--data-dir", str(tmp_path)]) == 2
    assert str(tmp_path / "keys" / file) in capsys.readouterr().err


def test_real_processes_on_postgresql_with_other_keys_are_refused_until_these_are_the_same(
    loaded_postgresql_url: str, broker_url: str, tmp_path: Path
) -> None:
    # Given a web process that runs on its data folder.
    place = ("--database", loaded_postgresql_url)
    here, there = tmp_path / "here", tmp_path / "there"
    first = Server(here, options=("--no-worker", *place), shows_demo=False).start()
    try:
        # Then one with a folder of its own is refused, for the one key and then for the other.
        serve = ("serve", "--no-worker", "--port", "0", *place, "--data-dir", there)
        refused = run_assent(*serve)
        assert refused.returncode == 2
        assert f"The {SECRET} of this process" in refused.stderr
        assert str(there / "secret.key") in refused.stderr
        assert str(here / "secret.key") in refused.stderr
        shutil.copy(here / "secret.key", there / "secret.key")
        assert f"The {SIGNING} of this process" in run_assent(*serve).stderr

        # And so is a worker, which signs check-ins.
        worker = run_assent("worker", *place, "--broker", broker_url, "--data-dir", there)
        assert worker.returncode == 2
        assert f"The {SIGNING} of this process" in worker.stderr

        # And with the same keys one more serves.
        shutil.rmtree(there / "keys")
        shutil.copytree(here / "keys", there / "keys")
        Server(there, options=("--no-worker", *place), shows_demo=False).start().stop()
    finally:
        first.stop()


def test_a_secret_that_changed_between_two_starts_on_sqlite_is_refused_until_it_is_accepted(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "var"
    Server(folder, shows_demo=False).start().stop()
    (folder / "secret.key").write_text("another secret, as if restored from somewhere else")

    refused = run_assent("serve", "--port", "0", "--data-dir", folder)
    shown = run_assent("keys", "show", "--data-dir", folder)
    accepted = run_assent("keys", "accept", "--data-dir", folder)

    assert refused.returncode == 2
    assert f"The {SECRET} of this process" in refused.stderr
    assert shown.returncode == 1
    assert f"The {SECRET}, from {folder / 'secret.key'}" in shown.stdout
    assert accepted.stdout == f"The {SECRET} of this process is the installation's now.\n"
    Server(folder, shows_demo=False).start().stop()
