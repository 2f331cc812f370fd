"""The bench of the engine runs every row, and a bar that is missed is told by the exit code."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from webapp import cli_bench
from webapp.bench import engine
from webapp.bench.figures import EngineFigure, as_table, describe_machine, rewrite_table
from webapp.bench.scope import QUICK
from webapp.cli import main

#: What takes seconds by its nature (timers, a kill, restarts) is measured by the whole bench alone.
SHORT_ROWS = (1, 2, 3, 4, 5, 6, 7, 8, 12, 15)


def test_the_short_rows_are_all_measured_on_a_real_server() -> None:
    figures = list(engine.measure_engine(QUICK, SHORT_ROWS))

    assert {figure.row for figure in figures} == set(SHORT_ROWS)
    # Times follow the load of the machine; what is counted holds on any.
    counts = {"statements", "commits", "rows", "errors", "votes", "instances"}
    assert [f.what for f in figures if f.unit in counts and not f.met] == []


def test_every_row_of_the_issue_has_a_measurement() -> None:
    assert set(range(1, 16)) == engine.ROWS


@pytest.mark.parametrize(("value", "code"), [(9.0, 0), (11.0, 1)])
def test_a_bar_that_is_missed_gives_exit_code_1(
    value: float, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    figure = EngineFigure(3, "server CPU", value, 10.0, "ms")
    monkeypatch.setattr(cli_bench, "measure_engine", lambda *_: iter([figure]))

    assert main(["bench", "engine", "--json"]) == code

    [shown] = json.loads(capsys.readouterr().out)["figures"]
    assert shown["met"] is (code == 0)
    assert shown["bar"] == 10.0


def test_a_rerun_rewrites_the_table_of_its_setting_and_nothing_else(tmp_path: Path) -> None:
    page = tmp_path / "benchmarks.md"
    page.write_text("before\n<!-- bench:sqlite -->\nold\n<!-- /bench:sqlite -->\nafter\n")
    figure = EngineFigure(13, "jobs", 400.0, 350.0, "jobs/s", at_least=True)

    rewrite_table(page, "sqlite", as_table([figure], "SQLite", describe_machine()))

    text = page.read_text()
    assert text.startswith("before\n")
    assert text.endswith("after\n")
    assert "| 13 | jobs | 400 jobs/s |  | ≥ 350 | yes |" in text
    assert "old" not in text
