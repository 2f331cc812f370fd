"""The command `assent token`: API tokens of people, issued, listed and revoked."""

from __future__ import annotations

import argparse
import json
from typing import Any

from engine.commands.accounts import SCOPES, issue_token, revoke_token
from engine.commands.context import execute
from engine.errors import NotFound
from models.account import ApiToken, Person
from models.database import Database
from models.queries.people import find_person_by_email, list_tokens
from webapp.api.schema import plain
from webapp.installation import add_place_option, find_actor, open_database

EXAMPLES = """examples:
  assent token issue --email ci@example.org --name build-server --scope read --scope write
  assent token issue --email ci@example.org --name scanner --scope work --topic media.scan
  assent token list --email ci@example.org
  assent token revoke --email ci@example.org ast_aB3dEf

The secret is printed once, by `issue`; only its digest is kept.
exit codes: 0 done, 2 refused
"""


def register(subparsers: Any) -> None:
    """Add the command `token`."""
    raw = argparse.RawDescriptionHelpFormatter
    parser = subparsers.add_parser(
        "token", help="issue, list and revoke API tokens", epilog=EXAMPLES, formatter_class=raw
    )
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    issue = actions.add_parser("issue", help="issue a token", epilog=EXAMPLES, formatter_class=raw)
    issue.add_argument("--name", required=True, help="what uses the token")
    issue.add_argument(
        "--scope", action="append", choices=SCOPES, help="may be repeated (default: read)"
    )
    issue.add_argument(
        "--topic",
        action="append",
        default=[],
        metavar="TOPIC",
        help="with --scope work: a topic it may take, prefix.* or *; may be repeated",
    )
    issue.add_argument("--days", type=int, default=90, help="0 for no end (default: 90)")
    issue.set_defaults(run=run_issue)
    listing = actions.add_parser("list", help="list the tokens of a person")
    listing.set_defaults(run=run_list)
    revoke = actions.add_parser("revoke", help="revoke a token at once")
    revoke.add_argument("prefix", metavar="PREFIX", help="how the token begins")
    revoke.set_defaults(run=run_revoke)
    for action in (issue, listing, revoke):
        action.add_argument("--email", required=True, help="whose token it is")
        action.add_argument("--json", action="store_true", help="print JSON")
        add_place_option(action)


def run_issue(arguments: argparse.Namespace) -> int:
    """Issue a token and print its secret."""
    database, clock = open_database(arguments)
    try:
        person = _find_person(database, arguments.email)
        token, secret = execute(
            database,
            clock,
            find_actor(database, None),
            issue_token,
            person_id=person.id,
            name=arguments.name,
            scopes=arguments.scope or ["read"],
            topics=arguments.topic,
            days=arguments.days or None,
        )
    finally:
        database.close()
    if arguments.json:
        print(json.dumps({**describe_token(token), "secret": secret}))
    else:
        print(secret)
    return 0


def run_list(arguments: argparse.Namespace) -> int:
    """List the tokens of a person."""
    database, _ = open_database(arguments)
    try:
        tokens = _list_tokens(database, arguments.email)
    finally:
        database.close()
    if arguments.json:
        print(json.dumps([describe_token(token) for token in tokens], indent=1))
        return 0
    for token in tokens:
        end = "revoked" if token.revoked_at else f"until {plain(token.expires_at) or 'revoked'}"
        print(f"{token.prefix}…  {token.name}  {','.join([*token.scopes, *token.topics])}  {end}")
    return 0


def run_revoke(arguments: argparse.Namespace) -> int:
    """Revoke the one token of a person that begins so."""
    database, clock = open_database(arguments)
    try:
        found = [
            token
            for token in _list_tokens(database, arguments.email)
            if arguments.prefix.startswith(token.prefix) or token.prefix == arguments.prefix
        ]
        if len(found) != 1:
            raise NotFound(f"{len(found)} tokens begin with {arguments.prefix}; name exactly one.")
        actor = find_actor(database, None)
        token = execute(database, clock, actor, revoke_token, digest=found[0].digest)
    finally:
        database.close()
    print(json.dumps(describe_token(token)) if arguments.json else f"{token.prefix}… is revoked.")
    return 0


def describe_token(token: ApiToken) -> dict[str, Any]:
    """Give a token as JSON, without anything secret."""
    names = ("name", "prefix", "scopes", "topics", "issued_at", "expires_at", "revoked_at")
    return {name: plain(getattr(token, name)) for name in names}


def _list_tokens(database: Database, email: str) -> list[ApiToken]:
    person = _find_person(database, email)
    with database.read() as session:
        return list_tokens(session, person.id)


def _find_person(database: Database, email: str) -> Person:
    with database.read() as session:
        person = find_person_by_email(session, email)
    if person is None:
        raise NotFound(f"There is nobody with the e-mail address {email}.")
    return person
