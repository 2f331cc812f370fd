"""The subject of a record action, as the type the action is for."""

from __future__ import annotations

from typing import TypeVar

from engine.errors import RunFailed
from engine.records.registry import RecordCall
from engine.subjects import Subject, load_subject
from models.change import Rfc
from models.proposal import Proposal
from models.release import Release
from models.review import Review

S = TypeVar("S", Proposal, Rfc, Release, Review)


def subject_of(call: RecordCall) -> Subject:
    """Give the record the instance is about."""
    return load_subject(call.ctx.session, call.instance.subject_kind, call.instance.subject_id)


def require_subject(call: RecordCall, table: type[S]) -> S:
    """Give the subject as this type; raises RunFailed when the diagram is about something else."""
    subject = subject_of(call)
    if not isinstance(subject, table):
        raise RunFailed(
            f"{call.element.record} is for a {table.__name__.lower()}.", element=call.element.id
        )
    return subject
