"""The API for external workers: fetch jobs under a lock, and report what became of them."""

from __future__ import annotations

import time
from datetime import datetime
from typing import Any

from flask import request

from engine.commands.external_jobs import (
    Hold,
    complete_external_job,
    extend_lock,
    fail_external_job,
    fetch_jobs,
    require_worker,
    throw_external_error,
    unlock_job,
)
from engine.context import Context
from engine.errors import InvalidInput
from engine.external import count_ready
from engine.jobs import LeasedJob, RetryPlan
from engine.topics import TOPIC_PATTERN
from webapp.api.changes import change
from webapp.api.operation import Answer, operation
from webapp.api.schema import (
    Schema,
    choice,
    instant,
    list_of,
    mapping,
    maybe,
    plain,
    present,
    record,
    text,
    whole,
)
from webapp.auth.identity import current_actor, current_credentials
from webapp.commands import run_command
from webapp.services import read_session, services
from workers.waiting_room import Seat

TAG = "Work"
SCOPE = "work"
LONGEST_WAIT_SECONDS = 30
LONGEST_LOCK_SECONDS = 24 * 3600
LONGEST_DELAY_SECONDS = 7 * 24 * 3600
MOST_TRIES = 100
#: When to ask again where no more workers can wait.
RETRY_AFTER_SECONDS = 2
#: Longest between two looks of one waiting worker, should a call ever be missed.
SLICE_SECONDS = 5.0

#: The end of a pattern. In Python `$` alone also stands before a line feed at the end.
END = r"$(?!\n)"

LOCK_SECONDS = whole(
    "For how long the job is yours; afterwards another worker gets it.",
    minimum=1,
    maximum=LONGEST_LOCK_SECONDS,
)
LOCK_TOKEN = text("The `lock_token` the job was fetched with.", minimum=1, maximum=200)
WISH = record(
    "TopicWish",
    {
        "name": {**text("A topic that the token may take."), "pattern": f"^{TOPIC_PATTERN}{END}"},
        "lock_seconds": {**LOCK_SECONDS, "default": 300},
        "variables": {
            **list_of(text(maximum=64), "The variables you need; you get no others."),
            "maxItems": 200,
        },
    },
    optional=("lock_seconds", "variables"),
)
FETCH = record(
    "JobFetch",
    {
        "worker": {
            **text("A name for this worker, shown to people.", minimum=1, maximum=100),
            "pattern": f"^[A-Za-z0-9._:@-]+{END}",
        },
        "topics": {**list_of(WISH), "minItems": 1, "maxItems": 20},
        "max_jobs": whole("How many jobs at most; 1 if not given.", minimum=1, maximum=100),
        "wait_seconds": whole(
            "How long to wait for a job when there is none; 0 if not given.",
            minimum=0,
            maximum=LONGEST_WAIT_SECONDS,
        ),
    },
    optional=("max_jobs", "wait_seconds"),
)
LOCKED_JOB = record(
    "LockedJob",
    {
        "id": text("The same on every attempt: use it as your idempotency key."),
        "topic": text(),
        "lock_token": text("Send it with every report on this job."),
        "locked_until": instant(),
        "attempt": whole("Counts from 1."),
        "max_attempts": whole(),
        "instance_id": maybe(text()),
        "business_key": text("The number of what it is about."),
        "element_id": maybe(text("The task in the diagram.")),
        "created_at": instant(),
        "variables": mapping("Those you asked for, as far as there are any."),
    },
)
LOCKED_JOBS = record("LockedJobs", {"items": list_of(LOCKED_JOB)})
COMPLETION = record(
    "JobCompletion",
    {"lock_token": LOCK_TOKEN, "variables": mapping("What the job gives.")},
    optional=("variables",),
)
FAILURE = record(
    "JobFailure",
    {
        "lock_token": LOCK_TOKEN,
        "error": text("What went wrong, in a line.", minimum=1, maximum=500),
        "details": text("More of it, for those who look into it.", maximum=3000),
        "attempts_left": whole(
            "How often it may still be tried; 0 makes it an incident at once. "
            "Not given: what the diagram declares.",
            minimum=0,
            maximum=MOST_TRIES,
        ),
        "retry_after_seconds": whole(
            "When to try again. Not given: later each time.",
            minimum=0,
            maximum=LONGEST_DELAY_SECONDS,
        ),
    },
    optional=("details", "attempts_left", "retry_after_seconds"),
)
BPMN_ERROR = record(
    "JobError",
    {
        "lock_token": LOCK_TOKEN,
        "code": text("The error code that the diagram catches.", minimum=1, maximum=100),
        "message": text("For people.", maximum=2000),
    },
    optional=("message",),
)
EXTENSION = record("LockExtension", {"lock_token": LOCK_TOKEN, "lock_seconds": LOCK_SECONDS})
UNLOCK = record("Unlock", {"lock_token": LOCK_TOKEN})
OUTCOMES = ("completed", "error_thrown", "retry", "incident", "locked", "unlocked")
OUTCOME = record(
    "JobOutcome",
    {
        "id": text(),
        "outcome": choice(*OUTCOMES, description="What became of the job."),
        "locked_until": maybe(instant("While it is still yours.")),
    },
)


@operation(
    "POST", "/jobs/fetch", tag=TAG, scope=SCOPE, answers={200: LOCKED_JOBS}, request=FETCH,
    keyed=False,
)  # fmt: skip
def fetch_and_lock(body: dict[str, Any]) -> Answer:
    """Fetch jobs and lock them, waiting for one if there is none.

    Each job is given to one worker at a time, until its lock ends. Where too many workers wait
    already the answer is empty at once, and Retry-After says when to ask again. A job of a topic
    that the token may not take is never given.
    """
    wishes = _read_wishes(body)
    granted = _granted()
    for topic in wishes:
        require_worker(current_actor().roles, granted, topic)
    deadline = time.monotonic() + body.get("wait_seconds", 0)
    found = _try_to_fetch(body, wishes)
    if found or time.monotonic() >= deadline:
        return _give(found, wishes)
    room = services().waiting_room
    seat = room.take_seat(frozenset(wishes))
    if seat is None:
        answer = _give([], wishes)
        return Answer(answer.body, retry_after_seconds=RETRY_AFTER_SECONDS)
    try:
        return _give(_wait_for_jobs(body, wishes, seat, deadline), wishes)
    finally:
        room.leave(seat)


@operation(
    "POST", "/jobs/<job_id>/complete", tag=TAG, scope=SCOPE, answers={200: OUTCOME},
    request=COMPLETION,
)  # fmt: skip
def report_completion(job_id: str, body: dict[str, Any]) -> Answer:
    """Report a job as done; the instance moves on.

    When the lock has ended meanwhile the answer is 409 `lease-lost` and nothing has changed.
    """
    hold = _hold(job_id, body)

    def work(ctx: Context) -> Answer:
        complete_external_job(ctx, hold=hold, variables=body.get("variables", {}))
        return _tell(job_id, "completed")

    return change(work)


@operation(
    "POST", "/jobs/<job_id>/fail", tag=TAG, scope=SCOPE, answers={200: OUTCOME}, request=FAILURE
)
def report_failure(job_id: str, body: dict[str, Any]) -> Answer:
    """Report a job as failed: it is tried again later, or becomes an incident for people."""
    hold = _hold(job_id, body)
    plan = RetryPlan(body.get("attempts_left"), body.get("retry_after_seconds"))
    error = "\n".join(part for part in (body["error"], body.get("details")) if part)

    def work(ctx: Context) -> Answer:
        is_dead = fail_external_job(ctx, hold=hold, error=error, plan=plan)
        return _tell(job_id, "incident" if is_dead else "retry")

    return change(work)


@operation(
    "POST", "/jobs/<job_id>/error", tag=TAG, scope=SCOPE, answers={200: OUTCOME}, request=BPMN_ERROR
)
def report_error(job_id: str, body: dict[str, Any]) -> Answer:
    """End a job with a BPMN error, which a boundary event of the diagram catches.

    This is a way on that the diagram foresees, not a failure.
    """
    hold = _hold(job_id, body)

    def work(ctx: Context) -> Answer:
        throw_external_error(ctx, hold=hold, code=body["code"], message=body.get("message", ""))
        return _tell(job_id, "error_thrown")

    return change(work)


@operation(
    "POST", "/jobs/<job_id>/extend", tag=TAG, scope=SCOPE, answers={200: OUTCOME}, request=EXTENSION
)
def keep_job(job_id: str, body: dict[str, Any]) -> Answer:
    """Keep a job for longer, counted from now."""
    hold = _hold(job_id, body)

    def work(ctx: Context) -> Answer:
        until = extend_lock(ctx, hold=hold, lock_seconds=body["lock_seconds"])
        return _tell(job_id, "locked", until)

    return change(work)


@operation(
    "POST", "/jobs/<job_id>/unlock", tag=TAG, scope=SCOPE, answers={200: OUTCOME}, request=UNLOCK
)
def give_job_back(job_id: str, body: dict[str, Any]) -> Answer:
    """Give a job back so that another worker gets it; no attempt is counted."""
    hold = _hold(job_id, body)

    def work(ctx: Context) -> Answer:
        unlock_job(ctx, hold=hold)
        return _tell(job_id, "unlocked")

    return change(work)


def _read_wishes(body: dict[str, Any]) -> dict[str, Schema]:
    wishes = {wish["name"]: wish for wish in body["topics"]}
    if len(wishes) < len(body["topics"]):
        raise InvalidInput("Name each topic once.", field="topics")
    return wishes


def _wait_for_jobs(
    body: dict[str, Any], wishes: dict[str, Schema], seat: Seat, deadline: float
) -> list[LeasedJob]:
    """Wait without a connection, look when called, until there is a job or the time is up."""
    room = services().waiting_room
    while (left := deadline - time.monotonic()) > 0:
        room.wait(seat, min(left, SLICE_SECONDS))
        if room.is_closed or _is_client_gone():
            return []
        if found := _try_to_fetch(body, wishes):
            return found
    return []


def _is_client_gone() -> bool:
    """Tell whether nobody would get the answer, so that no job is locked for nothing."""
    has_left = request.environ.get("waitress.client_disconnected")
    return bool(has_left and has_left())


def _try_to_fetch(body: dict[str, Any], wishes: dict[str, Schema]) -> list[LeasedJob]:
    """Lock what is there; looking comes first, since locking is a write."""
    with read_session() as session:
        ready = count_ready(session, wishes, at_most=1)
    if not ready.total():
        return []
    return run_command(
        fetch_jobs,
        worker=body["worker"],
        lock_seconds={name: wish.get("lock_seconds", 300) for name, wish in wishes.items()},
        granted=_granted(),
        limit=body.get("max_jobs", 1),
    )


def _give(jobs: list[LeasedJob], wishes: dict[str, Schema]) -> Answer:
    return Answer({"items": [_show(job, wishes[job.topic]) for job in jobs]})


def _show(job: LeasedJob, wish: dict[str, Any]) -> dict[str, Any]:
    inputs = job.payload.get("inputs") or {}
    return present(
        job,
        LOCKED_JOB,
        lock_token=job.lease_token,
        locked_until=job.lease_until,
        attempt=job.attempts,
        business_key=str(job.payload.get("business_key") or ""),
        variables={name: inputs[name] for name in wish.get("variables", []) if name in inputs},
    )


def _hold(job_id: str, body: dict[str, Any]) -> Hold:
    return Hold(job_id, body["lock_token"], _granted())


def _granted() -> tuple[str, ...]:
    credentials = current_credentials()
    return credentials.topics if credentials else ()


def _tell(job_id: str, outcome: str, locked_until: datetime | None = None) -> Answer:
    return Answer({"id": job_id, "outcome": outcome, "locked_until": plain(locked_until)})
