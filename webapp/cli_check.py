"""The command `assent check`: what would be refused at publish, with element, line and way out."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from engine.errors import DiagramRefused, InvalidInput
from engine.runtime.importing import ImportedDiagram, import_diagram
from engine.runtime.scenario import Decide
from engine.runtime.scenario_decisions import read_decisions
from engine.runtime.validation.context import PublishContext
from engine.runtime.validation.files import check_file, check_model
from engine.runtime.validation.folder import gather_context, load_publish_context
from engine.runtime.validation.problems import Problem
from engine.runtime.validation.stories import check_story
from webapp.cli_feel import read_model_file
from webapp.neighbor_files import read_file, read_neighbors

SHIPPED = Path(__file__).resolve().parents[1] / "processes"
CLEAN, PROBLEMS, UNUSABLE = 0, 1, 2
KINDS = (".bpmn", ".dmn", ".form", ".toml")
_EXAMPLES = """examples:
  assent check processes/
  assent check processes/request_for_change.bpmn processes/risk_score.dmn
  assent check drawing.bpmn --import         can it be shown? nothing is said about running it
  assent check processes/ --json

A folder is checked with all its diagrams, decision tables, forms and scenarios; scenarios are run.
A file is checked together with those beside it and with the processes that ship with Assent.

With --json each of the problems is an object with these fields:
  file      the file it was found in
  code      the stable name of the broken rule, for example "deadlock"
  element   the id of the element as written in the file; null for the file as a whole
  line      the line on which the element begins, counted from 1; null when there is none
  message   what is wrong
  hint      what to do instead

exit codes: 0 nothing to refuse, 1 problems, 2 a path is missing or holds nothing to check
"""


@dataclass
class FileReport:
    """What was found in one file."""

    path: Path
    problems: list[Problem] = field(default_factory=list)
    imported: ImportedDiagram | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the file's entry in the printed report."""
        entry: dict[str, Any] = {"file": str(self.path), "problems": len(self.problems)}
        if self.imported is not None:
            entry["imported"] = _describe_import(self.imported)
        return entry


def register(subparsers: Any) -> None:
    """Add the command `check` to the parsers of `assent`."""
    parser = subparsers.add_parser(
        "check",
        help="say what would be refused at publish",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("paths", nargs="+", metavar="PATH", type=Path, help="a file or folder")
    parser.add_argument("--json", action="store_true", help="print {problems: […], files: […]}")
    parser.add_argument(
        "--import",
        dest="importing",
        action="store_true",
        help="only read diagrams for viewing, without judging whether they can run",
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Check all paths and print what was found; return the exit code."""
    missing = [path for path in arguments.paths if not path.exists()]
    if missing:
        print(f"There is no {missing[0]}.", file=sys.stderr)
        return UNUSABLE
    reports = [
        report for path in arguments.paths for report in _check_path(path, arguments.importing)
    ]
    if not reports:
        print(f"Nothing to check there; known are {', '.join(KINDS)} files.", file=sys.stderr)
        return UNUSABLE
    if arguments.json:
        _print_json(reports)
    else:
        _print_text(reports)
    return PROBLEMS if any(report.problems for report in reports) else CLEAN


def _check_path(path: Path, importing: bool) -> Iterator[FileReport]:
    files = [path]
    if path.is_dir():
        kinds = KINDS[:1] if importing else KINDS
        files = sorted(
            found for found in path.rglob("*") if found.suffix in kinds and not found.is_dir()
        )
    if importing:
        yield from (_import_file(file) for file in files)
        return
    context = find_context(path)
    yield from (_check_file(file, context) for file in files)


def find_context(path: Path) -> PublishContext:
    """Return what a file or folder is checked against: its surroundings over what ships."""
    shipped = load_publish_context(SHIPPED) if SHIPPED.is_dir() else PublishContext()
    if path.is_dir():
        return shipped.overlaid(load_publish_context(path))
    folder = home_of(path)
    patterns = [f"*{kind}" for kind in KINDS[:3]]
    near = (found for place in (folder, folder / "forms")
            for found in read_neighbors(place, *patterns))  # fmt: skip
    return shipped.overlaid(gather_context((file.name, content) for file, content in near))


def home_of(path: Path) -> Path:
    """Return the folder with the diagrams a file belongs to."""
    parent = path.resolve().parent
    return parent.parent if parent.name in ("forms", "scenarios") else parent


def _check_file(path: Path, context: PublishContext) -> FileReport:
    try:
        if path.suffix == ".dmn":
            return FileReport(path, check_model(lambda: read_model_file(path)))
        problems = check_file(path.name, read_file(path), context)
    except OSError as error:
        return FileReport(path, [_unreadable(error)])
    if path.suffix == ".toml" and not problems:
        home = home_of(path)
        folder = home if any(home.glob("*.bpmn")) else SHIPPED
        problems = _check_story(path, folder)
    return FileReport(path, problems)


def _check_story(path: Path, folder: Path) -> list[Problem]:
    try:
        return check_story(path, folder, _decisions_of(folder))
    except DiagramRefused as refused:
        return [Problem.from_json(found) for found in refused.problems]


@cache
def _decisions_of(folder: Path) -> Decide:
    return read_decisions(folder)


def _import_file(path: Path) -> FileReport:
    try:
        return FileReport(path, imported=import_diagram(read_file(path)))
    except DiagramRefused as refused:
        return FileReport(path, [Problem.from_json(found) for found in refused.problems])
    except InvalidInput as refused:
        hint = "Correct the coordinates of the drawing."
        return FileReport(path, [Problem("layout", refused.field, None, refused.message, hint)])
    except OSError as error:
        return FileReport(path, [_unreadable(error)])


def _unreadable(error: OSError) -> Problem:
    return Problem("unreadable", None, None, str(error), "Make the file readable.")


def _describe_import(imported: ImportedDiagram) -> dict[str, Any]:
    return {
        "name": imported.name,
        "processes": list(imported.processes),
        "elements": len(imported.elements),
        "shapes": len(imported.layout.shapes),
        "edges": len(imported.layout.edges),
        "translations": [
            {"element": item.element, "line": item.line, "written": item.written,
             "feel": item.feel, "reason": item.reason}
            for item in imported.translations
        ],
    }  # fmt: skip


def _print_json(reports: list[FileReport]) -> None:
    problems = [
        {"file": str(report.path), **problem.to_json()}
        for report in reports
        for problem in report.problems
    ]
    print(
        json.dumps(
            {"problems": problems, "files": [report.to_json() for report in reports]},
            ensure_ascii=False,
            indent=1,
        )
    )


def _print_text(reports: list[FileReport]) -> None:
    for report in reports:
        for problem in report.problems:
            place = f"{report.path}:{problem.line}" if problem.line else f"{report.path}"
            print(f"{place}: {problem.code}: {problem.element or '-'}: {problem.message}")
            print(f"    {problem.hint}")
        if report.imported is not None:
            shapes, edges = report.imported.layout.shapes, report.imported.layout.edges
            print(f"{report.path}: {len(shapes)} shapes, {len(edges)} connections can be shown")
    count = sum(len(report.problems) for report in reports)
    files = "1 file" if len(reports) == 1 else f"{len(reports)} files"
    print(f"{count or 'No'} problem{'' if count == 1 else 's'} in {files}.")
