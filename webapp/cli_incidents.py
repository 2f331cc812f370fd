"""The command `assent incidents`: jobs that failed for good, and another try."""

from __future__ import annotations

import argparse
import json
from typing import Any

from engine.commands.context import execute
from engine.commands.jobs import retry_incident
from engine.errors import InvalidInput
from models.job import Incident
from models.queries.incidents import list_incidents
from models.queries.page import MAXIMUM_LIMIT
from webapp.api.schema import plain
from webapp.installation import add_person_option, add_place_option, find_actor, open_database

EXAMPLES = """examples:
  assent incidents                                    what failed for good and waits for somebody
  assent incidents --all --json
  assent incidents --retry ID --as ops@example.org

exit codes: 0 nothing is open (or the retry was taken), 1 incidents are open, 2 refused
"""


def register(subparsers: Any) -> None:
    """Add the command `incidents`."""
    parser = subparsers.add_parser(
        "incidents",
        help="list and retry jobs that failed for good",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--all", action="store_true", help="also those that were resolved")
    parser.add_argument("--retry", metavar="ID", help="try the job of this incident again")
    parser.add_argument("--json", action="store_true", help="print JSON")
    add_place_option(parser)
    add_person_option(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """List incidents, or retry one."""
    if arguments.retry and not arguments.person:
        raise InvalidInput("Name who asks for another try with --as; it goes on record.")
    database, clock = open_database(arguments)
    try:
        if arguments.retry:
            actor = find_actor(database, arguments.person)
            execute(database, clock, actor, retry_incident, incident_id=arguments.retry)
            print("It will be tried again.")
            return 0
        with database.read() as session:
            page = list_incidents(session, open_only=not arguments.all, limit=MAXIMUM_LIMIT)
    finally:
        database.close()
    _print(page.items, as_json=arguments.json)
    return 1 if any(incident.resolved_at is None for incident in page.items) else 0


def _print(incidents: list[Incident], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps([describe_incident(incident) for incident in incidents], indent=1))
        return
    if not incidents:
        print("No incidents.")
    for incident in incidents:
        state = incident.resolution or "open"
        print(f"{incident.id}  {state}  {plain(incident.opened_at)}  {incident.kind}")
        print(f"  at {incident.element_id or '-'} of {incident.instance_id or '-'}")
        print(f"  {incident.message.splitlines()[0] if incident.message else ''}")


def describe_incident(incident: Incident) -> dict[str, Any]:
    """Give an incident as JSON."""
    names = (
        "id", "kind", "message", "instance_id", "element_id", "opened_at", "resolved_at",
        "resolution",
    )  # fmt: skip
    return {name: plain(getattr(incident, name)) for name in names}
