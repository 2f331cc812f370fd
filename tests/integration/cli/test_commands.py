from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from models.database import Database
from models.job import Incident
from tests.integration.api.proposal_body import COMPLETE
from tests.integration.site import Site
from webapp.cli import COMMANDS, main, make_parser

PROCESSES = Path(__file__).resolve().parents[3] / "processes"


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_every_command_explains_itself_with_examples(
    command: str, capsys: pytest.CaptureFixture[str]
):
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])

    assert ended.value.code == 0
    shown = capsys.readouterr().out
    assert f"assent {command}" in shown
    assert "example" in shown
    assert "exit code" in shown


def test_the_help_names_every_command(capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit):
        main(["--help"])

    shown = capsys.readouterr().out
    assert all(f"  {command} " in shown for command in COMMANDS)
    assert make_parser("feel") is not None


def test_a_command_that_does_not_exist_is_a_usage_error(capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as ended:
        main(["approve-everything"])

    assert ended.value.code == 2


def test_a_setting_that_cannot_be_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
):
    monkeypatch.setenv("ASSENT_PORT", "eighty")

    code = main(["audit", "verify", "--data-dir", str(tmp_path)])

    assert code == 2
    assert "ASSENT_PORT" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["jobs", "--after", "zzz"], 2, "--after: This is not a position"),
        (["incidents", "--after", "W10"], 2, "--after: This position belongs to another list"),
        (["serve", "--port", "0", "--host", "256.1.1.1"], 1, "cannot listen on 256.1.1.1"),
    ],
)
def test_an_option_that_cannot_be_is_named_without_a_traceback(
    installation: Path, capsys: pytest.CaptureFixture[str], words: list[str], code: int, said: str
):
    ended = main([*words, "--data-dir", str(installation)])

    assert ended == code
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("port", ["65536", "99999999", "-1", "http"])
def test_what_is_no_port_is_not_served_on_another_one(
    port: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    with pytest.raises(SystemExit) as ended:
        main(["serve", f"--port={port}", "--data-dir", str(tmp_path)])

    assert ended.value.code == 2
    assert "is no port" in capsys.readouterr().err


def test_deploying_again_changes_nothing_and_an_edit_makes_the_next_version(
    installation: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    edited = tmp_path / "charter.form"
    edited.write_bytes((PROCESSES / "forms" / "charter.form").read_bytes() + b"\n")
    place = ["--data-dir", str(installation)]

    again = main(["deploy", str(PROCESSES), "--json", *place])
    first = json.loads(capsys.readouterr().out)
    changed = main(
        ["deploy", str(edited), "--json", "--as", "maren.vogt@aldermoor.example", *place]
    )
    second = json.loads(capsys.readouterr().out)

    assert (again, changed) == (0, 0)
    assert [each["changed"] for each in first] == [False] * len(first)
    assert second == [{"kind": "form", "key": "charter", "version": 2, "changed": True}]


def test_what_cannot_run_is_not_deployed_and_nothing_beside_it_is(
    installation: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    folder = tmp_path / "edited"
    folder.mkdir()
    (folder / "fine.form").write_bytes((PROCESSES / "forms" / "charter.form").read_bytes())
    (folder / "broken.bpmn").write_text("<html/>")
    place = ["--data-dir", str(installation)]

    code = main(["deploy", str(folder), "--json", *place])
    refused = json.loads(capsys.readouterr().out)
    missing = main(["deploy", str(tmp_path / "nothing"), *place])
    stranger = main(["deploy", str(PROCESSES), "--as", "nobody@example.org", *place])
    unentitled = main(["deploy", str(folder), "--as", "greta.holm@aldermoor.example", *place])

    assert code == missing == stranger == unentitled == 2
    assert refused["error"]["code"]
    with Site(installation).services.database.read() as session:
        keys = session.connection().exec_driver_sql("SELECT key FROM definition").scalars().all()
    assert "fine" not in keys


def test_a_token_is_issued_used_listed_and_revoked(
    installation: Path, capsys: pytest.CaptureFixture[str]
):
    whose = ["--email", "ida.lorenz@aldermoor.example", "--data-dir", str(installation)]

    main(["token", "issue", "--name", "ci", "--scope", "read", *whose])
    secret = capsys.readouterr().out.strip()
    site = Site(installation, now=datetime.now(UTC))
    headers = {"Authorization": f"Bearer {secret}"}
    works = site.app.test_client().get("/api/v1/me", headers=headers)
    main(["token", "list", "--json", *whose])
    listed = json.loads(capsys.readouterr().out)
    main(["token", "revoke", secret[:12], *whose])
    revoked = site.app.test_client().get("/api/v1/me", headers=headers)
    site.services.database.close()

    assert works.json["name"] == "Ida Lorenz"
    assert works.json["scopes"] == ["read"]
    assert [token["name"] for token in listed] == ["ci"]
    assert secret not in json.dumps(listed)
    assert revoked.status_code == 401
    assert main(["token", "revoke", "ast_none", *whose]) == 2
    assert main(["token", "list", "--email", "nobody@example.org", *whose[2:]]) == 2


def test_the_record_is_exported_and_verified_offline_and_any_change_is_found(
    installation: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    place = ["--data-dir", str(installation)]
    assert main(["audit", "export", *place]) == 0
    lines = capsys.readouterr().out.splitlines()
    export = tmp_path / "record.jsonl"

    def verify(changed: list[str]) -> int:
        export.write_text("\n".join(changed))
        return main(["audit", "verify", str(export)])

    whole = verify(lines)
    events = [n for n, line in enumerate(lines) if "sentence" in line]
    last = max(events)
    edited = [line.replace('"sentence": "', '"sentence": "not ', 1) for line in lines]
    without_last = [line for n, line in enumerate(lines) if n != last]
    without_first = lines[1:]

    assert whole == 0
    assert verify(edited) == 1
    assert verify(without_last) == 1
    assert verify(without_first) == 1
    assert main(["audit", "verify", *place]) == 0


def test_an_event_whose_detail_is_no_json_any_more_is_named_in_database_and_export(
    installation: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    place = ["--data-dir", str(installation)]
    with closing(sqlite3.connect(installation / "assent.sqlite")) as connection, connection:
        chain, seq = connection.execute("SELECT chain_id, seq FROM audit_event").fetchone()
        connection.execute(
            "UPDATE audit_event SET detail = '{' WHERE chain_id = ? AND seq = ?", (chain, seq)
        )

    in_database = main(["audit", "verify", *place])
    said = capsys.readouterr().err
    export = tmp_path / "record.jsonl"
    main(["audit", "export", *place])
    export.write_text(capsys.readouterr().out)

    assert (in_database, main(["audit", "verify", str(export)])) == (1, 1)
    assert (
        said
        == capsys.readouterr().err
        == (f"{chain} event {seq}: was changed after it was recorded\n")
    )


@pytest.mark.parametrize("change", ["detail = CAST(x'7bff7d' AS TEXT)", "at = 'yesterday'"])
def test_a_record_that_cannot_be_read_is_not_whole(
    installation: Path, capsys: pytest.CaptureFixture[str], change: str
):
    with closing(sqlite3.connect(installation / "assent.sqlite")) as connection, connection:
        connection.execute(f"UPDATE audit_event SET {change} WHERE seq = 1")

    code = main(["audit", "verify", "--data-dir", str(installation)])

    assert code == 1
    assert "record event 0: cannot be read: " in capsys.readouterr().err


def test_the_chain_that_the_api_gives_is_verified_too(
    installation: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    site = Site(installation)
    piotr = site.speak_for("u04")
    number = piotr.post("/proposals", COMPLETE).json["number"]
    chain = tmp_path / "chain.json"
    chain.write_bytes(piotr.get(f"/audit/chains/subject:{number}").data)
    site.services.database.close()

    code = main(["audit", "verify", str(chain), "--json"])

    assert code == 0
    assert json.loads(capsys.readouterr().out) == {"events": 1, "chains": 1, "broken": []}


def test_a_place_without_a_record_is_not_called_whole(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    code = main(["audit", "verify", "--data-dir", str(tmp_path / "mistyped")])

    assert code == 2
    assert "There is no record here" in capsys.readouterr().err


def test_what_is_no_export_cannot_be_verified(tmp_path: Path):
    text = tmp_path / "notes.txt"
    text.write_text("all is well")

    assert main(["audit", "verify", str(text)]) == 2
    assert main(["audit", "verify", str(tmp_path / "nothing")]) == 2


def test_open_incidents_are_listed_and_make_the_exit_code_one(
    installation: Path, capsys: pytest.CaptureFixture[str]
):
    place = ["--data-dir", str(installation)]
    none = main(["incidents", *place])
    database = Database(f"sqlite:///{installation / 'assent.sqlite'}")
    with database.write() as session:
        session.add(
            Incident(id="i1", kind="job", message="out of order", opened_at=datetime.now(UTC))
        )
    database.close()
    capsys.readouterr()

    some = main(["incidents", "--json", *place])
    listed = json.loads(capsys.readouterr().out)
    anonymous = main(["incidents", "retry", "i1", *place])

    assert (none, some, anonymous) == (0, 1, 2)
    assert [incident["message"] for incident in listed["items"]] == ["out of order"]
