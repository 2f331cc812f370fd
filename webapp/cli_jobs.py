"""The command `assent jobs`: what waits for a worker, what is at one, what failed."""

from __future__ import annotations

import argparse
import json
from contextlib import closing
from typing import Any

from engine.commands.context import execute
from engine.commands.incidents import Retried, retry_incident
from engine.errors import Conflict, InvalidInput, NotFound
from models.database import Database
from models.job import Job
from models.queries.incidents import find_job, find_open_incident_of, list_all_jobs
from models.queries.page import MAXIMUM_LIMIT
from models.vocabulary import Channel, JobKind, JobState
from webapp.api.jobs import show_job, show_job_in_full
from webapp.cli_incidents import (
    RAW,
    add_data_option,
    print_record,
    read_data,
    require_person,
    tell_retried,
)
from webapp.installation import add_person_option, add_place_option, find_actor, open_database

EXAMPLES = """examples:
  assent jobs                                         everything that is not done yet
  assent jobs list --state dead --json
  assent jobs list --channel external --topic media.scan
  assent jobs show ID
  assent jobs retry ID ID --as ops@example.org        those that failed for good
  assent jobs retry ID --data '{"file": "b.bin"}' --as ops@example.org

Assigning and closing is about incidents: assent incidents.
exit codes: 0 done, 1 not all were retried, 2 refused
"""


def register(subparsers: Any) -> None:
    """Add the command `jobs`."""
    parser = subparsers.add_parser(
        "jobs", help="list, show and retry jobs", epilog=EXAMPLES, formatter_class=RAW
    )
    _add_list_options(parser)
    actions = parser.add_subparsers(metavar="ACTION")
    _add_list_options(actions.add_parser("list", help="list them (what happens without ACTION)"))
    show = actions.add_parser("show", help="show one", epilog=EXAMPLES, formatter_class=RAW)
    show.add_argument("job", metavar="ID")
    show.set_defaults(run=run_show)
    retry = actions.add_parser("retry", help="try again", epilog=EXAMPLES, formatter_class=RAW)
    retry.add_argument("jobs", metavar="ID", nargs="+")
    add_data_option(retry)
    add_person_option(retry)
    retry.set_defaults(run=run_retry)
    for action in (show, retry):
        action.add_argument("--json", action="store_true", help="print JSON")
        add_place_option(action)


def _add_list_options(parser: argparse.ArgumentParser) -> None:
    for name, words in (("state", JobState), ("channel", Channel), ("kind", JobKind)):
        parser.add_argument(f"--{name}", choices=[word.value for word in words])
    parser.add_argument("--topic", help="only of this topic")
    parser.add_argument("--process", metavar="KEY", help="only of this process")
    parser.add_argument("--about", metavar="NUMBER", help="only of this proposal, RFC, release, …")
    parser.add_argument("--after", metavar="CURSOR", help="the next page")
    parser.add_argument("--json", action="store_true", help="print JSON")
    add_place_option(parser)
    parser.set_defaults(run=run_list)


def run_list(arguments: argparse.Namespace) -> int:
    """List live jobs."""
    database, _ = open_database(arguments)
    with closing(database), database.read() as session:
        page = list_all_jobs(
            session,
            state=arguments.state,
            channel=arguments.channel,
            kind=arguments.kind,
            topic=arguments.topic,
            process_key=arguments.process,
            business_key=arguments.about,
            after=arguments.after,
            limit=MAXIMUM_LIMIT,
        )
    if arguments.json:
        items = [show_job(job) for job in page.items]
        print(json.dumps({"items": items, "next": page.next}, ensure_ascii=False, indent=1))
        return 0
    for job in page.items:
        _print_job(job)
    if not page.items:
        print("No jobs.")
    if page.next:
        print(f"There are more: --after {page.next}")
    return 0


def run_show(arguments: argparse.Namespace) -> int:
    """Show one job with its data."""
    database, _ = open_database(arguments)
    with closing(database), database.read() as session:
        job = find_job(session, arguments.job)
        if job is None:
            raise NotFound("There is no such job; what is done is not kept as a job.")
        incident = find_open_incident_of(session, job.id)
    shown = show_job_in_full(job, incident.id if incident else None)
    print_record(shown, as_json=arguments.json)
    return 0


def run_retry(arguments: argparse.Namespace) -> int:
    """Try jobs again that failed for good."""
    data = read_data(arguments.data)
    if data is not None and len(arguments.jobs) > 1:
        raise InvalidInput("Other data is for one job at a time.", field="data")
    person = require_person(arguments)
    database, clock = open_database(arguments)
    outcomes = []
    with closing(database):
        actor = find_actor(database, person)
        for job_id in dict.fromkeys(arguments.jobs):
            try:
                incident_id = _find_incident_id(database, job_id)
                execute(database, clock, actor, retry_incident, incident_id=incident_id, data=data)
                outcomes.append(Retried(incident_id, True))
            except (Conflict, NotFound) as refusal:
                outcomes.append(Retried(job_id, False, refusal.message))
    return tell_retried(outcomes, as_json=arguments.json)


def _find_incident_id(database: Database, job_id: str) -> str:
    with database.read() as session:
        incident = find_open_incident_of(session, job_id)
    if incident is None:
        raise NotFound("This job is not waiting for another try.")
    return incident.id


def _print_job(job: Job) -> None:
    shown = show_job(job)
    attempts = f"{job.attempts} of {job.max_attempts} attempts"
    print(f"{job.id}  {job.state}  {job.topic}  {attempts}  due {shown['due_at']}")
    print(f"  at {job.element_id or '-'} of {shown['business_key'] or '-'}", end="")
    print(f", held by {job.lease_owner}" if job.lease_owner else "")
    if job.last_error:
        print(f"  {job.last_error.splitlines()[0]}")
