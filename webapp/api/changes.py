"""Changes asked for over the API: one transaction each, once per Idempotency-Key."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from datetime import timedelta

from flask import request
from sqlalchemy import delete
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from engine.commands.context import execute
from engine.context import Context
from engine.errors import BadParameter, Conflict, KeyReused, PreconditionFailed
from engine.kept_values import read_whole
from engine.values import take_out
from models.account import IdempotentAnswer
from webapp.api.operation import Answer
from webapp.auth.identity import current_actor, current_person_id
from webapp.services import read_session, services

KEY_HEADER = "Idempotency-Key"
MAXIMUM_KEY = 200
KEPT_FOR = timedelta(days=7)

#: Where a kept answer names the instance that has the values of its `data`; no member is called so.
_VALUES_OF = "$values_of"

Work = Callable[[Context], Answer]


def change(work: Work, *, content_digest: str | None = None) -> Answer:
    """Carry out a change in one transaction and give its answer.

    With an Idempotency-Key the answer is kept in that same transaction: the same request gives
    the same answer again and changes nothing; another request under the key raises KeyReused.
    `content_digest` stands for a body that was streamed elsewhere.
    """
    actor = current_actor()
    here = services()
    key = request.headers.get(KEY_HEADER)
    if key is None:
        return execute(here.database, here.clock, actor, work)
    if not 1 <= len(key) <= MAXIMUM_KEY or not key.isascii() or not key.isprintable():
        raise BadParameter(
            f"An {KEY_HEADER} has 1 to {MAXIMUM_KEY} printable characters.", field=KEY_HEADER
        )
    person_id, digest = current_person_id(), _digest_request(content_digest)

    def work_once(ctx: Context) -> Answer:
        kept = ctx.session.get(IdempotentAnswer, (person_id, key))
        if kept is not None:
            return _repeat(ctx.session, kept, digest)
        answer = work(ctx)
        _keep(ctx, person_id, key, digest, answer)
        return answer

    try:
        return execute(here.database, here.clock, actor, work_once)
    except (Conflict, IntegrityError):
        # The same request may have come twice at once; then the quicker one's answer counts.
        with read_session() as session:
            kept = session.get(IdempotentAnswer, (person_id, key))
            if kept is None:
                raise
            return _repeat(session, kept, digest)


def require_match(etag: str) -> None:
    """Raise PreconditionFailed when the client's If-Match names another state of the thing."""
    wanted = request.if_match
    if request.headers.get("If-Match") and not wanted.contains(etag):
        raise PreconditionFailed(current=etag)


def _digest_request(content_digest: str | None) -> str:
    body = content_digest or hashlib.sha256(request.get_data(cache=True)).hexdigest()
    asked = json.dumps([request.method, request.full_path, body])
    return hashlib.sha256(asked.encode()).hexdigest()


def _repeat(session: Session, kept: IdempotentAnswer, digest: str) -> Answer:
    if kept.request_digest != digest:
        raise KeyReused
    body = json.loads(kept.body)
    if isinstance(body, dict) and (instance_id := body.pop(_VALUES_OF, None)):
        body["data"] = read_whole(session, instance_id, body["data"])
    return Answer(body, status=kept.status, location=kept.location)


def _keep(ctx: Context, person_id: str, key: str, digest: str, answer: Answer) -> None:
    ctx.session.execute(
        delete(IdempotentAnswer).where(
            IdempotentAnswer.person_id == person_id,
            IdempotentAnswer.created_at < ctx.now - KEPT_FOR,
        )
    )
    body = answer.body
    if answer.withheld:
        body = {**body, **dict.fromkeys(answer.withheld)}
    if answer.values_of:
        slim, values = take_out(body["data"])
        if values:
            body = {**body, "data": slim, _VALUES_OF: answer.values_of}
    ctx.session.add(
        IdempotentAnswer(
            person_id=person_id,
            key=key,
            request_digest=digest,
            status=answer.status,
            body=json.dumps(body),
            location=answer.location,
            created_at=ctx.now,
        )
    )
