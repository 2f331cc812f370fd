"""The command `assent`: a subcommand is a module with `register`, loaded when it is asked for."""

from __future__ import annotations

import argparse
import gc
import json
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any

from engine.errors import DiagramRefused, InvalidInput, Refusal
from models.database import DatabaseInUse
from models.migrate import UnfinishedCopy
from models.queries.page import BadCursor
from webapp.config import BadSetting

#: Which module a subcommand is in; one that is named is the only one loaded.
COMMANDS = {
    "serve": "webapp.cli_serve",
    "worker": "webapp.cli_worker",
    "demo": "webapp.cli_serve",
    "check": "webapp.cli_check",
    "deploy": "webapp.cli_deploy",
    "simulate": "webapp.cli_simulate",
    "decide": "webapp.cli_feel",
    "feel": "webapp.cli_feel",
    "conflicts": "webapp.cli_conflicts",
    "incidents": "webapp.cli_incidents",
    "jobs": "webapp.cli_jobs",
    "token": "webapp.cli_token",
    "keys": "webapp.cli_keys",
    "audit": "webapp.cli_audit",
    "archive": "webapp.cli_archive",
    "db": "webapp.cli_db",
    "bench": "webapp.cli_bench",
}
REFUSED, IN_USE, INTERRUPTED = 2, 3, 130
EXAMPLES = """examples:
  assent serve --demo                 serve the example organization on http://127.0.0.1:8080
  assent check processes/             what would be refused, with element, line and way out
  assent deploy processes/            a new version; running instances keep theirs
  assent COMMAND --help               options and examples of a command

exit codes: 0 done, 1 done and something is wrong, 2 refused or not usable, 3 the database is in use
"""


class ExactParser(argparse.ArgumentParser):
    """Takes options by their whole names, so that a new one never changes what an old one means."""

    def __init__(self, **options: Any):
        """Take what ArgumentParser takes; subcommands get a parser of this kind too."""
        super().__init__(**{"allow_abbrev": False, **options})


def main(argv: Sequence[str] | None = None) -> int:
    """Run a subcommand and give the exit code."""
    given = list(sys.argv[1:] if argv is None else argv)
    # What is loaded stays; looking through it for garbage meanwhile is a tenth of a start.
    gc.disable()
    parser = make_parser(given[0] if given else None)
    gc.freeze()
    gc.enable()
    arguments = parser.parse_args(given)
    try:
        code: int = arguments.run(arguments)
    except (Refusal, BadSetting) as refusal:
        return _say(refusal, as_json=getattr(arguments, "json", False))
    except BadCursor as wrong:
        refused = InvalidInput(str(wrong), field="--after")
        return _say(refused, as_json=getattr(arguments, "json", False))
    except (DatabaseInUse, UnfinishedCopy) as in_use:
        print(f"assent: {in_use}", file=sys.stderr)
        return IN_USE
    except KeyboardInterrupt:
        return INTERRUPTED
    return code


def make_parser(command: str | None = None) -> argparse.ArgumentParser:
    """Give the parser with one subcommand where a known one is named, else with all of them."""
    parser = ExactParser(
        prog="assent",
        description="Change and release governance that runs: every gate, authorized, on record.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    subparsers = parser.add_subparsers(metavar="COMMAND [OPTIONS]", required=True)
    named = [COMMANDS[command]] if command in COMMANDS else dict.fromkeys(COMMANDS.values())
    for module in named:
        import_module(module).register(subparsers)
    return parser


def _say(refusal: Refusal | BadSetting, *, as_json: bool) -> int:
    code = refusal.code if isinstance(refusal, Refusal) else "bad-setting"
    problems = refusal.problems if isinstance(refusal, DiagramRefused) else []
    if as_json:
        print(json.dumps({"error": {"code": code, "message": str(refusal), "problems": problems}}))
        return REFUSED
    print(f"assent: {refusal} ({code})", file=sys.stderr)
    for problem in problems:
        place = f"{problem.get('element') or '-'}, line {problem.get('line') or '-'}"
        if problem.get("file"):
            place = f"{problem['file']}, {place}"
        print(f"  {problem.get('code')} at {place}: {problem.get('message')}", file=sys.stderr)
        if problem.get("hint"):
            print(f"    {problem['hint']}", file=sys.stderr)
    if isinstance(refusal, InvalidInput) and not problems:
        for field, message in refusal.fields.items():
            print(f"  {field}: {message}", file=sys.stderr)
    return REFUSED
