"""The command `assent deploy`: diagrams, decision tables and forms become the next version."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from engine.commands.context import execute
from engine.commands.definitions import SUFFIXES, Deployed, deploy_files
from engine.context import Context
from engine.errors import InvalidInput
from webapp.installation import add_person_option, add_place_option, find_actor, open_database

EXAMPLES = """examples:
  assent deploy processes/
  assent deploy processes/request_for_change.bpmn --as maren.vogt@aldermoor.example
  assent deploy processes/ --json

All files are deployed together or none is. A file that is deployed already is left as it is.
Running instances keep the version they were started with. A server may be running meanwhile.
exit codes: 0 deployed, 2 something cannot run (each problem names element, line and way out)
"""


def register(subparsers: Any) -> None:
    """Add the command `deploy`."""
    parser = subparsers.add_parser(
        "deploy",
        help="deploy diagrams, decision tables and forms",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="file or folder")
    add_place_option(parser)
    add_person_option(parser)
    parser.add_argument("--json", action="store_true", help="print a list of what was deployed")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Deploy and print what became of each file."""
    database, clock = open_database(arguments)
    try:
        actor = find_actor(database, arguments.person)
        deployed = execute(database, clock, actor, deploy_paths, paths=arguments.paths)
    finally:
        database.close()
    if arguments.json:
        print(json.dumps([asdict(each) for each in deployed], indent=1))
        return 0
    for each in deployed:
        news = "new" if each.changed else "as deployed before"
        print(f"{each.kind} {each.key} version {each.version} ({news})")
    return 0


def deploy_paths(ctx: Context, *, paths: Sequence[Path]) -> list[Deployed]:
    """Deploy files and folders together; raises InvalidInput for a path that is not there."""
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            found += sorted(file for file in path.rglob("*") if file.suffix in SUFFIXES)
        elif path.is_file():
            found.append(path)
        else:
            raise InvalidInput(f"There is no {path}.", field=str(path))
    if not found:
        raise InvalidInput(f"There is nothing to deploy in {', '.join(map(str, paths))}.")
    return deploy_files(ctx, files=[(path.name, path.read_bytes()) for path in found])
