"""The API's people: who the token speaks for, who holds which role, what was said to one."""

from __future__ import annotations

from typing import Any

from engine.commands.accounts import LONGEST_TOKEN_DAYS, issue_token, revoke_token
from engine.context import Context
from engine.errors import NotFound, NotSignedIn, ScopeMissing, TopicNotGranted
from engine.topics import is_granted
from models.account import ApiToken
from models.queries.people import find_person, list_notices, list_people, list_tokens
from models.vocabulary import Role
from webapp.api.changes import change
from webapp.api.operation import Answer, operation
from webapp.api.schema import (
    choice,
    instant,
    list_of,
    maybe,
    present,
    record,
    text,
    whole,
    word,
)
from webapp.auth.identity import current_credentials, current_person_id
from webapp.auth.tokens import SCOPES
from webapp.services import read_session

PERSON = record(
    "Person", {"id": text(), "name": text(), "email": text(), "roles": list_of(word(Role))}
)
ME = record("Me", {**PERSON["properties"], "scopes": list_of(choice(*SCOPES))})
PEOPLE = record("People", {"items": list_of(PERSON)})
NOTICE = record(
    "Notice",
    {
        "id": text(),
        "subject_line": text(),
        "text": text(),
        "link": maybe(text("A path of this installation.")),
        "created_at": instant(),
        "read_at": maybe(instant()),
    },
)
NOTICES = record("Notices", {"items": list_of(NOTICE)})
TOKEN = record(
    "Token",
    {
        "id": text("The SHA-256 of the secret; names the token when it is revoked."),
        "name": text(),
        "prefix": text("The first characters of the secret."),
        "scopes": list_of(choice(*SCOPES)),
        "topics": list_of(text(), "The topics whose jobs it may take: names, `prefix.*` or `*`."),
        "issued_at": instant(),
        "expires_at": maybe(instant()),
        "revoked_at": maybe(instant()),
    },
)
NEW_TOKEN = record(
    "NewToken",
    {**TOKEN["properties"], "secret": maybe(text("The secret, told this once."))},
)
TOKENS = record("Tokens", {"items": list_of(TOKEN)})
TOKEN_REQUEST = record(
    "TokenRequest",
    {
        "name": text("What uses the token.", minimum=1, maximum=100),
        "scopes": list_of(choice(*SCOPES)),
        "topics": list_of(
            text(maximum=103),
            "With the scope `work`: the topics whose jobs it may take: names, `prefix.*` or `*`.",
        ),
        "days": maybe(
            whole("For how many days; null for good.", minimum=1, maximum=LONGEST_TOKEN_DAYS)
        ),
    },
    optional=("topics", "days"),
)


@operation("GET", "/me", tag="People", answers={200: ME})
def read_me() -> Answer:
    """Read who the session or token speaks for, with roles and scopes."""
    credentials = current_credentials()
    with read_session() as session:
        row = find_person(session, current_person_id())
    if row is None or credentials is None:
        raise NotFound
    scopes = [scope for scope in SCOPES if scope in credentials.scopes]
    return Answer(present(row.person, ME, roles=row.roles, scopes=scopes))


@operation("GET", "/me/notices", tag="People", answers={200: NOTICES})
def read_my_notices() -> Answer:
    """Read what was said to you, the newest first."""
    with read_session() as session:
        notices = list_notices(session, current_person_id())
    return Answer({"items": [present(notice, NOTICE) for notice in notices]})


@operation("GET", "/me/tokens", tag="People", answers={200: TOKENS})
def read_my_tokens() -> Answer:
    """Read your API tokens, without their secrets."""
    with read_session() as session:
        tokens = list_tokens(session, current_person_id())
    return Answer({"items": [present(token, TOKEN, id=token.digest) for token in tokens]})


@operation("POST", "/me/tokens", tag="People", answers={201: NEW_TOKEN}, request=TOKEN_REQUEST)
def issue_my_token(body: dict[str, Any]) -> Answer:
    """Issue an API token for yourself; its secret is told once and not kept.

    A token cannot issue one that may do more than itself.
    """
    credentials = current_credentials()
    if credentials is None:
        raise NotSignedIn
    beyond = set(body["scopes"]) - credentials.scopes
    if beyond:
        raise ScopeMissing(f"You cannot give the scope “{min(beyond)}”, which you do not have.")
    is_browser = credentials.session_digest is not None
    for topic in () if is_browser else body.get("topics", ()):
        if topic not in credentials.topics and not is_granted(credentials.topics, topic):
            raise TopicNotGranted(f"You cannot give the topic {topic!r}, which you may not take.")

    def issue(ctx: Context) -> Answer:
        token, secret = issue_token(
            ctx,
            person_id=current_person_id(),
            name=body["name"],
            scopes=body["scopes"],
            topics=body.get("topics", ()),
            days=body.get("days", 90),
        )
        shown = present(token, NEW_TOKEN, id=token.digest, secret=secret)
        return Answer(shown, status=201, withheld=("secret",))

    return change(issue)


@operation("POST", "/me/tokens/<token_id>/revoke", tag="People", answers={200: TOKEN})
def revoke_my_token(token_id: str) -> Answer:
    """Revoke one of your tokens; it stops working at once."""

    def revoke(ctx: Context) -> Answer:
        token: ApiToken = revoke_token(ctx, digest=token_id)
        return Answer(present(token, TOKEN, id=token.digest))

    return change(revoke)


@operation("GET", "/people", tag="People", answers={200: PEOPLE}, query={"role": {**word(Role)}})
def read_people(query: dict[str, Any]) -> Answer:
    """Read the people who can be asked: all, or those who hold a role."""
    with read_session() as session:
        rows = list_people(session, role=query["role"])
    return Answer({"items": [present(row.person, PERSON, roles=row.roles) for row in rows]})
