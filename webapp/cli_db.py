"""The command `assent db`: an installation moved to another database, verified on both sides."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, OperationalError

from engine.audit import RecordCheck
from engine.errors import InvalidInput, TemporarilyUnavailable
from engine.relocation import BATCH_ROWS, Move, describe_place, move_installation
from models.database import Database

EXAMPLES = """examples:
  assent db copy --from sqlite:////srv/assent/assent.sqlite \\
                 --to postgresql+psycopg://assent@db.example.org/assent
  assent db copy --from postgresql+psycopg://assent@db/assent --to sqlite:///moved.sqlite --json

Stop every process of the installation first. The target must be empty; what it lacks is made. The
copy goes table by table, a batch a transaction: interrupted for whatever reason, the same command
goes on where it stopped, and until it has ended nothing serves the target. In the end the rows of
every table (number and digest) and every chain of the record are verified on both sides. The source
is only read. A password may come from PGPASSWORD or ~/.pgpass instead of the address.

The media library, the folder keys/ and the file secret.key are files of the data folder, not of the
database: keep using the same ASSENT_DATA_DIR, or copy them along.
exit codes: 0 copied and verified, 1 the two sides differ, 2 refused, 3 the database is in use
"""
DIFFERENT = 1
BACKENDS = ("sqlite", "postgresql")


def register(subparsers: Any) -> None:
    """Add the command `db` with `copy`."""
    raw = argparse.RawDescriptionHelpFormatter
    parser = subparsers.add_parser(
        "db", help="move an installation to another database", epilog=EXAMPLES, formatter_class=raw
    )
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    copy = actions.add_parser(
        "copy", help="copy an installation", epilog=EXAMPLES, formatter_class=raw
    )
    copy.add_argument("--from", dest="source", required=True, metavar="URL", help="what is copied")
    copy.add_argument("--to", dest="target", required=True, metavar="URL", help="an empty database")
    copy.add_argument(
        "--restart", action="store_true", help="empty a target that holds an unfinished copy first"
    )
    copy.add_argument(
        "--batch", type=_positive, default=BATCH_ROWS, metavar="ROWS",
        help=f"rows a transaction (default: {BATCH_ROWS})",
    )  # fmt: skip
    copy.add_argument("--json", action="store_true", help="print JSON")
    copy.set_defaults(run=run_copy)


def run_copy(arguments: argparse.Namespace) -> int:
    """Copy an installation and say what was verified."""
    source = _open(arguments.source, "--from")
    target = _open(arguments.target, "--to")
    if source.url == target.url:
        raise InvalidInput("--from and --to are the same database.", field="--to")
    try:
        move = move_installation(
            source,
            target,
            progress=_say_progress,
            batch_rows=arguments.batch,
            restart=arguments.restart,
        )
    except OperationalError as error:
        raise TemporarilyUnavailable(f"A database does not answer: {error.orig}") from error
    finally:
        source.close()
        target.close()
    if arguments.json:
        print(json.dumps(describe_move(move), indent=1))
    else:
        _say_move(move, source, target)
    return 0 if move.is_whole else DIFFERENT


def describe_move(move: Move) -> dict[str, Any]:
    """Give what became of a move as JSON."""
    return {
        "whole": move.is_whole,
        "resumed": move.has_resumed,
        "tables": [
            {
                "name": table.name,
                "equal": table.is_equal,
                "rows": {"source": table.source_rows, "target": table.target_rows},
                "digest": {"source": table.source_digest, "target": table.target_digest},
            }
            for table in move.tables
        ],
        "record": {
            "source": _describe_record(move.source_record),
            "target": _describe_record(move.target_record),
        },
    }


def _describe_record(record: RecordCheck) -> dict[str, Any]:
    broken = [f"{each.chain_id} event {each.seq}: {each.reason}" for each in record.broken]
    return {"events": record.events, "chains": record.chains, "broken": broken}


def _open(url: str, option: str) -> Database:
    """Open the database of a URL; raises InvalidInput naming the option that cannot be used."""
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise InvalidInput(f"{option} is no database address.", field=option) from error
    if parsed.get_backend_name() not in BACKENDS:
        raise InvalidInput(
            f"{option} is of the form sqlite:///FILE or postgresql+psycopg://USER@HOST/NAME.",
            field=option,
        )
    is_file = parsed.get_backend_name() == "sqlite"
    if is_file and option == "--from" and not Path(parsed.database or "").is_file():
        raise InvalidInput(f"There is no file {parsed.database}.", field=option)
    try:
        return Database(url)
    except (ImportError, NoSuchModuleError) as error:
        raise InvalidInput(
            f"{option} names a driver that is not installed; use postgresql+psycopg://.",
            field=option,
        ) from error


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least 1")
    return int(text)


def _say_progress(table: str, done: int, total: int) -> None:
    print(f"{table}: {done:,} of {total:,} rows", file=sys.stderr, flush=True)


def _say_move(move: Move, source: Database, target: Database) -> None:
    for table in move.tables:
        if not table.is_equal:
            print(
                f"{table.name} differs: {table.source_rows:,} rows and {table.target_rows:,} rows",
                file=sys.stderr,
            )
    for side, record in (("source", move.source_record), ("target", move.target_record)):
        for each in record.broken:
            place = f"{each.chain_id} event {each.seq}"
            print(f"record of the {side}, {place}: {each.reason}", file=sys.stderr)
    if not move.is_whole:
        print(
            "The two sides differ, so the target is not released; the same command with --restart "
            "begins anew.",
            file=sys.stderr,
        )
        return
    rows = sum(table.target_rows for table in move.tables)
    record = move.target_record
    print(f"{describe_place(source)} is now also at {describe_place(target)}:")
    print(f"  {rows:,} rows in {len(move.tables)} tables, equal on both sides by digest")
    print(f"  the record is whole: {record.events:,} events in {record.chains:,} chains")
    print("Set ASSENT_DATABASE_URL to the target and serve no longer from the source.")
    print("The media library, keys/ and secret.key stay in the data folder: keep it, or copy them.")
