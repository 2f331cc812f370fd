"""The command `assent archive`: finished instances out of the hot tables, and back again."""

from __future__ import annotations

import argparse
import json
import re
from datetime import timedelta
from typing import Any

from engine.commands.archive import BATCH, archive_finished, restore_instance
from engine.commands.context import execute
from models.queries.archive import ArchivedRow, list_archived
from models.queries.page import MAXIMUM_LIMIT
from webapp.api.schema import plain
from webapp.installation import add_person_option, add_place_option, find_actor, open_database

EXAMPLES = """examples:
  assent archive --older-than 90d              what ended 90 days ago or earlier
  assent archive --older-than 12w --json
  assent archive list --business-key P4        what the archive has
  assent archive restore ID --as maren.vogt@aldermoor.example

An archived instance leaves the hot tables with its tasks, job log and settled incidents as one
compressed value; pages and API still show it. Its record and its authorizations stay in place, and
the digest of the value is on record. Nothing is archived that has an open incident or belongs with
something that still runs. It works beside a running server, a batch a transaction; stopped in the
middle, the next time goes on.
exit codes: 0 done, 2 refused
"""
AGE = re.compile(r"(\d{1,5})([dwh])")
UNITS = {"h": "hours", "d": "days", "w": "weeks"}


def register(subparsers: Any) -> None:
    """Add the command `archive` with `list` and `restore`."""
    raw = argparse.RawDescriptionHelpFormatter
    parser = subparsers.add_parser(
        "archive", help="archive finished instances", epilog=EXAMPLES, formatter_class=raw
    )
    parser.add_argument(
        "--older-than", type=read_age, metavar="AGE", help="ended so long ago: 90d, 12w or 36h"
    )
    _add_options(parser)
    parser.set_defaults(run=run_archive, fail=parser.error)
    actions = parser.add_subparsers(metavar="ACTION")
    listing = actions.add_parser("list", help="list what is archived, the newest first")
    listing.add_argument("--business-key", help="only of this number, such as P4")
    _add_options(listing)
    listing.set_defaults(run=run_list)
    restore = actions.add_parser("restore", help="put an archived instance back as it was")
    restore.add_argument("instance", metavar="ID", help="the id of the instance")
    _add_options(restore)
    restore.set_defaults(run=run_restore)


def read_age(text: str) -> timedelta:
    """Read an age such as 90d, 12w or 36h."""
    found = AGE.fullmatch(text.strip())
    if found is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no age; write 90d, 12w or 36h")
    return timedelta(**{UNITS[found.group(2)]: int(found.group(1))})


def run_archive(arguments: argparse.Namespace) -> int:
    """Archive everything that is old enough, batch by batch."""
    if arguments.older_than is None:
        arguments.fail("say how old with --older-than, or name an action: list, restore")
    database, clock = open_database(arguments)
    count = 0
    try:
        actor = find_actor(database, arguments.person)
        while ids := execute(
            database, clock, actor, archive_finished, older_than=arguments.older_than, limit=BATCH
        ):
            count += len(ids)
    finally:
        database.close()
    print(json.dumps({"archived": count}) if arguments.json else f"{count:,} instances archived.")
    return 0


def run_list(arguments: argparse.Namespace) -> int:
    """List archived instances."""
    database, _ = open_database(arguments)
    try:
        with database.read() as session:
            page = list_archived(session, business_key=arguments.business_key, limit=MAXIMUM_LIMIT)
    finally:
        database.close()
    if arguments.json:
        print(json.dumps([describe_archived(row) for row in page.items], indent=1))
        return 0
    for row in page.items:
        found = row.archived
        print(f"{found.id}  {row.number}  {found.process_key}  ended {plain(found.ended_at)}")
    if page.next:
        print(f"These are the newest {MAXIMUM_LIMIT}; narrow the list with --business-key.")
    return 0


def run_restore(arguments: argparse.Namespace) -> int:
    """Put one archived instance back."""
    database, clock = open_database(arguments)
    try:
        actor = find_actor(database, arguments.person)
        instance = execute(database, clock, actor, restore_instance, instance_id=arguments.instance)
    finally:
        database.close()
    said = f"{instance.business_key} ({instance.process_key}) is back."
    print(json.dumps({"restored": instance.id}) if arguments.json else said)
    return 0


def describe_archived(row: ArchivedRow) -> dict[str, Any]:
    """Give an archived instance as JSON."""
    names = ("id", "process_key", "business_key", "state", "ended_at", "archived_at", "digest")
    return {name: plain(getattr(row.archived, name)) for name in names}


def _add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print JSON")
    add_place_option(parser)
    add_person_option(parser)
