"""Figures beside floor and bar: as text, as JSON, as the table of a Markdown page."""

from __future__ import annotations

import json
import os
import platform
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class EngineFigure:
    """One measured figure of a row; the bar is met when the value is on the right side of it."""

    row: int
    what: str
    value: float
    bar: float
    unit: str
    floor: float | None = None
    at_least: bool = False
    note: str = ""

    @property
    def met(self) -> bool:
        """Tell whether the figure is within its bar."""
        return self.value >= self.bar if self.at_least else self.value <= self.bar

    @property
    def sign(self) -> str:
        """Give which side of the bar is the right one."""
        return "≥" if self.at_least else "≤"


def as_json(figures: list[EngineFigure], setting: str, machine: dict[str, Any]) -> str:
    """Give the figures and the machine as JSON."""
    described = [
        {**asdict(f), "value": round(f.value, 4), "floor": _rounded(f.floor), "met": f.met}
        for f in figures
    ]
    return json.dumps({"setting": setting, "machine": machine, "figures": described}, indent=2)


def as_text(figure: EngineFigure) -> str:
    """Give one figure as a line."""
    floor = f"floor {figure.floor:.2f}" if figure.floor is not None else ""
    bar = f"bar {figure.sign} {figure.bar:g}"
    verdict = "ok   " if figure.met else "SHORT"
    note = f"  ({figure.note})" if figure.note else ""
    return (
        f"{verdict} {figure.row:>2}  {figure.value:>10.3f} {figure.unit:<12} {bar:<12} {floor:<12} "
        f"{figure.what}{note}"
    )


def as_table(figures: list[EngineFigure], setting: str, machine: dict[str, Any]) -> str:
    """Give the figures as a Markdown table under the machine they were taken on."""
    rows = [_as_row(figure) for figure in sorted(figures, key=lambda each: each.row)]
    return "\n".join(
        [
            f"{setting}; Python {machine['python']}, {machine['cores']} cores, "
            f"{machine['system']}; load before the run {machine['load']}.",
            "",
            "| # | What | Measured | Floor | Bar | Met |",
            "|---|---|---|---|---|---|",
            *rows,
        ]
    )


def rewrite_table(page: Path, setting_key: str, table: str) -> None:
    """Put the table where the page keeps that of this setting, between its two marks."""
    begin, end = f"<!-- bench:{setting_key} -->", f"<!-- /bench:{setting_key} -->"
    text = page.read_text(encoding="utf-8")
    before, _, rest = text.partition(begin)
    _, found, after = rest.partition(end)
    if not found:
        raise ValueError(f"{page} has no place for the table: {begin} … {end}")
    page.write_text(f"{before}{begin}\n{table}\n{end}{after}", encoding="utf-8")


def describe_machine() -> dict[str, Any]:
    """Give what the figures were taken on."""
    return {
        "python": platform.python_version(),
        "cores": os.cpu_count(),
        "system": platform.platform(),
        "load": round(os.getloadavg()[0], 1),
    }


def _as_row(figure: EngineFigure) -> str:
    floor = f"{figure.floor:.2f}" if figure.floor is not None else ""
    note = f" ({figure.note})" if figure.note else ""
    met = "yes" if figure.met else "**no**"
    return (
        f"| {figure.row} | {figure.what}{note} | {figure.value:.3g} {figure.unit} | {floor} "
        f"| {figure.sign} {figure.bar:g} | {met} |"
    )


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
