"""A process killed at the firing of a cyclic timer: each occurrence comes once, and so the next."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import update

from models.audit import AuditEvent
from models.instance import UserTask
from models.job import Job, JobLog
from models.vocabulary import AuditTag, JobKind
from tests.distribution.configuration import (
    PATIENCE_SECONDS,
    Configuration,
    brief_topic,
    wait_until,
)

DAILY = """
    start begin
    user write
    boundary remind attachedToRef="write" cancelActivity="false" | \
<timerEventDefinition><timeCycle>R/{start}/P1D</timeCycle></timerEventDefinition>
    user hurry
    end done
    end hurried
    begin > write > done
    remind > hurry > hurried
"""
FIRED = AuditEvent.tag == AuditTag.TIMER_FIRED.value
IS_SET = Job.kind == JobKind.TIMER.value


def let_the_lease_run_out(configuration: Configuration) -> None:
    """Let the time of the killed process's lease be over, and the wait after it be short."""
    past = configuration.clock.now() - timedelta(seconds=1)
    with configuration.database.write() as session:
        session.execute(
            update(Job).where(Job.state == "leased").values(lease_until=past, backoff_seconds=1)
        )


@pytest.mark.parametrize(
    ("point", "fired_before_the_kill"),
    [("before the commit of a worker", 0), ("after the commit of a worker", 1)],
)
def test_an_occurrence_whose_process_is_killed_at_its_commit_comes_once_and_the_next_is_set_once(
    configuration: Configuration, point: str, fired_before_the_kill: int
) -> None:
    # Given a daily timer whose first time has come, and a process that is killed as it fires it.
    table = configuration.table()
    first = (configuration.clock.now() + timedelta(milliseconds=100)).replace(microsecond=0)
    table.put("p", DAILY.format(start=first.isoformat()))
    table.start("p")
    with configuration.process(point) as killed:
        killed.wait(PATIENCE_SECONDS)
    assert configuration.count(AuditEvent, FIRED) == fired_before_the_kill
    assert configuration.count(UserTask, UserTask.element_id == "hurry") == fired_before_the_kill
    [timer] = table.all(Job, IS_SET)
    assert timer.state == ("scheduled" if fired_before_the_kill else "leased")

    # When another process works.
    let_the_lease_run_out(configuration)
    with configuration.workers(brief_topic()):
        wait_until(lambda: configuration.count(AuditEvent, FIRED) == 1)
        wait_until(lambda: configuration.count(Job, IS_SET, Job.state == "scheduled") == 1)

    # Then it came once, and so is the next occurrence set.
    assert configuration.count(JobLog, JobLog.outcome == "fired") == 1
    assert configuration.count(UserTask, UserTask.element_id == "hurry") == 1
    [next_one] = table.all(Job, IS_SET)
    assert (next_one.due_at, next_one.attempts) == (first + timedelta(days=1), 0)
