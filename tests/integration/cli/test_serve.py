"""The serving process itself: started, asked, stopped, killed, started again."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

from webapp.cli import main

PROJECT = Path(__file__).resolve().parents[3]
COMMAND = [sys.executable, "-c", "import sys; from webapp.cli import main; sys.exit(main())"]


@contextmanager
def serve(folder: Path, *options: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Start `assent serve` on any port; give the process and its address."""
    process = subprocess.Popen(
        [*COMMAND, "serve", "--data-dir", str(folder), "--port", "0", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        cwd=PROJECT,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    try:
        yield process, _read_address(process)
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def test_the_server_answers_and_stops_cleanly_when_told(installation: Path):
    with serve(installation) as (process, address):
        with urlopen(f"{address}/sign-in") as answer:
            page = answer.read().decode()
        process.send_signal(signal.SIGTERM)
        rest, _ = process.communicate(timeout=60)

    assert "Sign in" in page
    assert process.returncode == 0
    assert rest.endswith("Stopped.\n")


def test_a_second_server_on_the_same_database_is_refused_with_the_reason(installation: Path):
    with serve(installation) as (first, _address):
        second = subprocess.run(
            [*COMMAND, "serve", "--data-dir", str(installation), "--port", "0"],
            capture_output=True,
            text=True,
            cwd=PROJECT,
            timeout=60,
            check=False,
        )

        assert second.returncode == 3
        assert f"served by process {first.pid}" in second.stderr
        assert first.poll() is None


def test_a_killed_server_leaves_a_database_that_the_next_one_serves(installation: Path):
    with serve(installation) as (process, _address):
        process.kill()
        process.wait(timeout=60)

    with serve(installation) as (_process, address), urlopen(f"{address}/sign-in") as answer:
        assert answer.status == 200


def test_commands_work_beside_a_server_and_control_c_stops_it(installation: Path):
    with serve(installation) as (process, address):
        secret = subprocess.run(
            [
                *COMMAND, "token", "issue", "--email", "ida.lorenz@aldermoor.example",
                "--name", "ci", "--data-dir", str(installation),
            ],
            capture_output=True, text=True, cwd=PROJECT, timeout=60, check=True,
        ).stdout.strip()  # fmt: skip
        request = Request(f"{address}/api/v1/me", headers={"Authorization": f"Bearer {secret}"})
        with urlopen(request) as answer:
            assert b"Ida Lorenz" in answer.read()
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)

    assert process.returncode == 0


def test_an_empty_folder_becomes_an_installation_with_the_processes(tmp_path: Path):
    folder = tmp_path / "new"

    with serve(folder) as (_process, address), urlopen(f"{address}/sign-in") as answer:
        assert answer.status == 200

    assert (folder / "assent.sqlite").exists()
    assert (folder / "secret.key").stat().st_mode & 0o077 == 0


def _read_address(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    for line in process.stdout:
        found = re.match(r"Assent is at (http://\S+)", line)
        if found:
            return found.group(1)
    raise AssertionError("the server ended before it said its address")


@pytest.mark.parametrize("command", [["serve", "--port", "0"], ["demo"], ["audit", "verify"]])
@pytest.mark.parametrize(
    ("place", "reason"),
    [("a_file", "File exists"), ("a_file/below", "Not a directory"), ("no_database", "not a data")],
)
def test_a_data_folder_that_cannot_be_used_is_named_with_the_reason(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    command: list[str],
    place: str,
    reason: str,
):
    (tmp_path / "a_file").write_text("Not a folder.")
    (tmp_path / "no_database").mkdir()
    (tmp_path / "no_database" / "assent.sqlite").write_text("Not a database, certainly not one.")

    code = main([*command, "--data-dir", str(tmp_path / place)])

    said = capsys.readouterr().err
    assert code == 2
    assert str(tmp_path / place) in said
    assert reason in said
