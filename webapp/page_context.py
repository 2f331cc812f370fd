"""What every page is given: the person, how much waits for them, the token of their forms."""

from __future__ import annotations

from typing import Any

from flask import Flask

from engine.commands.incidents import may_see_to_incidents
from models.queries.inbox import count_open
from models.queries.incidents import count_open_incidents
from models.vocabulary import Role
from webapp.auth.identity import current_credentials
from webapp.services import read_session


def install_page_context(app: Flask) -> None:
    """Give `person`, `counts` and `csrf_token` to every template; nothing to those signed out."""
    app.context_processor(_describe_person)


def _describe_person() -> dict[str, Any]:
    credentials = current_credentials()
    if credentials is None or credentials.actor.person_id is None:
        return {"person": None, "counts": {}, "csrf_token": ""}
    actor = credentials.actor
    with read_session() as session:
        counts = {"inbox": count_open(session, credentials.actor.person_id, actor.roles)}
        if may_see_to_incidents(actor.roles):
            counts["incidents"] = count_open_incidents(session)
    return {
        "person": {
            "id": actor.person_id,
            "name": actor.name,
            "role": ", ".join(role.label for role in Role if actor.holds(role)),
            "roles": actor.roles,
            "initials": "".join(part[0] for part in actor.name.split()[:2]).upper(),
        },
        "counts": counts,
        "csrf_token": credentials.csrf_token or "",
    }
