"""The command `assent incidents`: what failed for good, another try, asking somebody, closing."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from engine.canonical import read_json
from engine.commands.context import execute
from engine.commands.incidents import (
    MOST_AT_ONCE,
    Retried,
    assign_incident,
    resolve_incident,
    retry_incident,
    retry_incidents,
)
from engine.errors import InvalidInput, NotFound
from models.database import Database
from models.job import Incident
from models.queries.incidents import find_incident, list_incidents
from models.queries.page import MAXIMUM_LIMIT
from models.queries.people import find_person_by_email
from webapp.api.incidents import INCIDENT, show_incident_in_full
from webapp.api.schema import present
from webapp.installation import add_person_option, add_place_option, find_actor, open_database

EXAMPLES = """examples:
  assent incidents                                    what failed for good and waits for somebody
  assent incidents list --topic media.scan --json
  assent incidents show ID
  assent incidents retry ID ID --as ops@example.org
  assent incidents retry ID --data '{"file": "b.bin"}' --as ops@example.org
  assent incidents assign ID --to ops@example.org --as ops@example.org
  assent incidents resolve ID --reason "Was a test." --as ops@example.org

exit codes: 0 nothing is open (or it was done), 1 incidents are open (or not all were retried),
2 refused
"""
RAW = argparse.RawDescriptionHelpFormatter


def register(subparsers: Any) -> None:
    """Add the command `incidents`."""
    parser = subparsers.add_parser(
        "incidents", help="see to what failed for good", epilog=EXAMPLES, formatter_class=RAW
    )
    _add_list_options(parser)
    actions = parser.add_subparsers(metavar="ACTION")
    _add_list_options(actions.add_parser("list", help="list them (what happens without ACTION)"))
    show = _add_action(actions, "show", run_show, "show one with its job", acts=False)
    show.add_argument("incident", metavar="ID")
    retry = _add_action(actions, "retry", run_retry, "try jobs again")
    retry.add_argument("incidents", metavar="ID", nargs="+")
    add_data_option(retry)
    assign = _add_action(actions, "assign", run_assign, "ask somebody to see to one")
    assign.add_argument("incident", metavar="ID")
    assign.add_argument("--to", required=True, metavar="EMAIL", help="who; nobody for no one")
    resolve = _add_action(actions, "resolve", run_resolve, "close one with a reason")
    resolve.add_argument("incident", metavar="ID")
    resolve.add_argument("--reason", required=True, help="why; it goes on record")


def add_data_option(parser: argparse.ArgumentParser) -> None:
    """Let a retry be told other data."""
    parser.add_argument(
        "--data",
        metavar="JSON",
        help="fields of the data that are to be other, as JSON or @FILE; for one job at a time",
    )


def read_data(given: str | None) -> dict[str, Any] | None:
    """Give edited data as an option says it; raises InvalidInput or BadData."""
    if given is None:
        return None
    try:
        content = Path(given[1:]).read_bytes() if given.startswith("@") else given.encode()
    except OSError as error:
        raise InvalidInput(f"{given[1:]} cannot be read.", field="data") from error
    data = read_json(content)
    if not isinstance(data, dict):
        raise InvalidInput("The data must be a JSON object.", field="data")
    return data


def require_person(arguments: argparse.Namespace) -> str:
    """Give on whose behalf something is done; raises InvalidInput when nobody is named."""
    if not arguments.person:
        raise InvalidInput("Name who asks for this with --as; it goes on record.")
    return str(arguments.person)


def _add_list_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--all", action="store_true", help="also those that were resolved")
    parser.add_argument("--kind", metavar="CODE", help="only of this kind")
    parser.add_argument("--topic", help="only of jobs of this topic")
    parser.add_argument("--process", metavar="KEY", help="only of this process")
    parser.add_argument("--about", metavar="NUMBER", help="only of this proposal, RFC, release, …")
    parser.add_argument("--after", metavar="CURSOR", help="the next page")
    parser.add_argument("--json", action="store_true", help="print JSON")
    add_place_option(parser)
    parser.set_defaults(run=run_list)


def _add_action(actions: Any, name: str, run: Any, text: str, *, acts: bool = True) -> Any:
    action = actions.add_parser(name, help=text, epilog=EXAMPLES, formatter_class=RAW)
    action.add_argument("--json", action="store_true", help="print JSON")
    add_place_option(action)
    if acts:
        add_person_option(action)
    action.set_defaults(run=run)
    return action


def run_list(arguments: argparse.Namespace) -> int:
    """List incidents."""
    database, _ = open_database(arguments)
    with closing(database), database.read() as session:
        page = list_incidents(
            session,
            open_only=not arguments.all,
            kind=arguments.kind,
            topic=arguments.topic,
            process_key=arguments.process,
            business_key=arguments.about,
            after=arguments.after,
            limit=MAXIMUM_LIMIT,
        )
    if arguments.json:
        items = [present(incident, INCIDENT) for incident in page.items]
        print(json.dumps({"items": items, "next": page.next}, indent=1))
    else:
        _print_list(page.items, page.next)
    return 1 if any(incident.resolved_at is None for incident in page.items) else 0


def run_show(arguments: argparse.Namespace) -> int:
    """Show one incident with its job."""
    database, _ = open_database(arguments)
    with closing(database), database.read() as session:
        incident = find_incident(session, arguments.incident)
        if incident is None:
            raise NotFound(f"There is no incident {arguments.incident[:80]}.")
        shown = show_incident_in_full(session, incident)
    print_record(shown, as_json=arguments.json)
    return 0


def run_retry(arguments: argparse.Namespace) -> int:
    """Try one job again, perhaps with other data, or several."""
    data = read_data(arguments.data)
    if data is not None and len(arguments.incidents) > 1:
        raise InvalidInput("Other data is for one job at a time.", field="data")
    person = require_person(arguments)
    database, clock = open_database(arguments)
    with closing(database):
        actor = find_actor(database, person)
        if len(arguments.incidents) == 1:
            [incident_id] = arguments.incidents
            execute(database, clock, actor, retry_incident, incident_id=incident_id, data=data)
            outcomes = [Retried(incident_id, True)]
        else:
            outcomes = [
                outcome
                for start in range(0, len(arguments.incidents), MOST_AT_ONCE)
                for outcome in execute(
                    database, clock, actor, retry_incidents,
                    incident_ids=arguments.incidents[start : start + MOST_AT_ONCE],
                )
            ]  # fmt: skip
    return tell_retried(outcomes, as_json=arguments.json)


def run_assign(arguments: argparse.Namespace) -> int:
    """Ask somebody to see to an incident."""
    person = require_person(arguments)
    database, clock = open_database(arguments)
    with closing(database):
        incident = execute(
            database, clock, find_actor(database, person), assign_incident,
            incident_id=arguments.incident, person_id=_find_assignee(database, arguments.to),
        )  # fmt: skip
    print_record(present(incident, INCIDENT), as_json=arguments.json)
    return 0


def run_resolve(arguments: argparse.Namespace) -> int:
    """Close an incident."""
    person = require_person(arguments)
    database, clock = open_database(arguments)
    with closing(database):
        incident = execute(
            database, clock, find_actor(database, person), resolve_incident,
            incident_id=arguments.incident, reason=arguments.reason,
        )  # fmt: skip
    print_record(present(incident, INCIDENT), as_json=arguments.json)
    return 0


def tell_retried(outcomes: Sequence[Retried], *, as_json: bool) -> int:
    """Print what became of each incident; gives 1 when one was not retried."""
    if as_json:
        names = ("incident_id", "is_retried", "why_not")
        print(json.dumps([{n: getattr(each, n) for n in names} for each in outcomes], indent=1))
    else:
        for each in outcomes:
            print(f"{each.incident_id}  {each.why_not or 'It will be tried again.'}")
    return 0 if all(each.is_retried for each in outcomes) else 1


def print_record(shown: dict[str, Any], *, as_json: bool) -> None:
    """Print a thing as JSON, or a line for each of its members that says something."""
    if as_json:
        print(json.dumps(shown, ensure_ascii=False, indent=1))
        return
    for name, value in shown.items():
        if isinstance(value, dict | list):
            print(f"{name}: {json.dumps(value, ensure_ascii=False, indent=1)}")
        elif value is not None:
            print(f"{name}: {value}")


def _find_assignee(database: Database, email: str) -> str | None:
    if email == "nobody":
        return None
    with database.read() as session:
        person = find_person_by_email(session, email)
    if person is None:
        raise NotFound(f"There is nobody with the e-mail address {email}.")
    return person.id


def _print_list(incidents: list[Incident], following: str | None) -> None:
    if not incidents:
        print("No incidents.")
    for incident in incidents:
        shown = present(incident, INCIDENT)
        print(
            f"{incident.id}  {incident.resolution or 'open'}  {shown['opened_at']}  {incident.kind}"
        )
        print(f"  at {incident.element_id or '-'} of {incident.instance_id or '-'}")
        print(f"  {incident.message.splitlines()[0] if incident.message else ''}")
    if following:
        print(f"There are more: --after {following}")
