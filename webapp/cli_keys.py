"""The command `assent keys`: the keys all processes share, compared and replaced on purpose."""

from __future__ import annotations

import argparse
import json
from typing import Any

from engine.clock import clock_of
from engine.commands.context import execute
from engine.commands.keys import compare_keys, replace_keys
from engine.context import SYSTEM
from models.database import Database
from webapp.installation import (
    add_person_option,
    add_place_option,
    find_actor,
    open_prepared,
    settings_of,
)
from webapp.keys import read_web_keys

EXAMPLES = """examples:
  assent keys show                    each key of this data folder beside the recorded one
  assent keys accept                  from now on the keys of this data folder are everybody's

Every web and worker process of an installation needs the same secret key and the same signing key
of check-ins. The first start records a fingerprint of each; a process with another key is refused
when it starts. After “accept” it is the others that are, until they have the same: stop them first.
exit codes: 0 the same, or accepted, 1 a key differs, 2 refused
"""
DIFFERENT = 1


def register(subparsers: Any) -> None:
    """Add the command `keys` with `show` and `accept`."""
    raw = argparse.RawDescriptionHelpFormatter
    parser = subparsers.add_parser(
        "keys", help="compare and replace shared keys", epilog=EXAMPLES, formatter_class=raw
    )
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    show = actions.add_parser("show", help="compare the keys with the recorded ones")
    show.set_defaults(run=run_show)
    accept = actions.add_parser("accept", help="record the keys of this data folder instead")
    add_person_option(accept)
    accept.set_defaults(run=run_accept)
    for action in (show, accept):
        action.add_argument("--json", action="store_true", help="print JSON")
        add_place_option(action)


def run_show(arguments: argparse.Namespace) -> int:
    """Say of each key whether it is the recorded one."""
    settings = settings_of(arguments)
    database = Database(settings.resolved_database_url)
    try:
        open_prepared(database)
        keys = read_web_keys(settings)
        found = execute(database, clock_of(database), SYSTEM, compare_keys, keys=keys)
    finally:
        database.close()
    if arguments.json:
        print(json.dumps([{"key": each.held.name, "same": each.is_same} for each in found]))
    else:
        for each in found:
            said = "is the recorded one" if each.is_same else "is not the recorded one"
            said = said if each.recorded_at else "is recorded by the first start"
            print(f"The {each.held.name}, from {each.held.place}, {said}")
            if each.recorded_at:
                print(
                    f"  recorded {each.recorded_at:%Y-%m-%d %H:%M} UTC from {each.recorded_place}"
                )
    return 0 if all(each.is_same for each in found) else DIFFERENT


def run_accept(arguments: argparse.Namespace) -> int:
    """Record the keys of this data folder as the installation's."""
    settings = settings_of(arguments)
    database = Database(settings.resolved_database_url)
    try:
        open_prepared(database)
        actor = find_actor(database, arguments.person)
        keys = read_web_keys(settings)
        replaced = execute(database, clock_of(database), actor, replace_keys, keys=keys)
    finally:
        database.close()
    if arguments.json:
        print(json.dumps({"replaced": replaced}))
    for name in [] if arguments.json else replaced:
        print(f"The {name} of this process is the installation's now.")
    if not replaced and not arguments.json:
        print("The keys are the recorded ones; nothing was changed.")
    return 0
