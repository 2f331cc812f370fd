"""Whatever is killed: each job has its effect, once, and one that kills is given up (1, 2, 5)."""

from __future__ import annotations

import pytest

from engine.commands.processes import start_process
from engine.context import Context
from models.instance import Instance
from models.job import Incident, Job
from tests.distribution.configuration import (
    PATIENCE_SECONDS,
    POSTGRESQL,
    SQLITE,
    Configuration,
    brief_topic,
    wait_until,
)

JOBS, SOME = 1000, 150
ONE_JOB = 'start a\nservice b camunda:topic="probe"\nend c\na > b > c'


@pytest.mark.parametrize("configuration", [SQLITE, POSTGRESQL], indirect=True)
def test_1_of_a_thousand_jobs_each_has_one_effect_though_the_worker_is_killed(
    configuration: Configuration,
) -> None:
    configuration.add_jobs(JOBS)

    with configuration.process("work") as worker:
        configuration.wait_until_done(SOME)
        worker.kill()
        worker.wait(PATIENCE_SECONDS)
    configuration.pass_time_for_resending()
    with configuration.workers(brief_topic()):
        configuration.wait_until_done(JOBS)

    configuration.expect_each_done_once(JOBS)


@pytest.mark.parametrize("configuration", [POSTGRESQL], indirect=True)
@pytest.mark.parametrize("lost", ["the database, for a moment", "all that the broker held"])
def test_1_of_a_thousand_jobs_each_has_one_effect_though_a_service_is_killed(
    configuration: Configuration, lost: str
) -> None:
    assert configuration.cluster is not None
    assert configuration.node is not None
    configuration.add_jobs(JOBS)

    with configuration.workers(brief_topic()):
        configuration.wait_until_done(SOME)
        if lost == "all that the broker held":
            configuration.node.wipe()
            configuration.node.start()
        else:
            configuration.cluster.stop_immediately()
            configuration.cluster.start()
            configuration.database.engine.dispose()
        configuration.pass_time_for_resending()
        configuration.wait_until_done(JOBS)

    configuration.expect_each_done_once(JOBS)


def test_2_a_command_that_is_rolled_back_leaves_no_job(configuration: Configuration) -> None:
    table = configuration.table()
    table.put("one_job", ONE_JOB)

    def start_and_break(ctx: Context) -> None:
        start_process(ctx, key="one_job", data={}, business_key="K1")
        assert ctx.session.query(Job).filter_by(topic="probe").count() == 1
        raise RuntimeError("the command breaks after all that")

    with pytest.raises(RuntimeError, match="after all that"):
        table.do(start_and_break)

    assert configuration.count(Job, Job.topic == "probe") == 0
    assert configuration.count(Instance) == 0


@pytest.mark.parametrize("crash", ["die before the pump looks", "die before the pump sends"])
def test_2_a_job_runs_though_its_process_was_killed_between_commit_and_dispatch(
    configuration: Configuration, crash: str
) -> None:
    table = configuration.table()
    table.put("one_job", ONE_JOB)
    with configuration.process(crash) as web:
        web.wait(PATIENCE_SECONDS)
    [job] = [job for job in table.jobs() if job.topic == "probe"]
    assert (job.state, job.attempts) == ("ready", 0)
    configuration.pass_time_for_resending()

    with configuration.workers(brief_topic()):
        configuration.wait_until_done(1)

    configuration.expect_each_done_once(1)
    [instance] = table.all(Instance)
    assert (instance.state, instance.end_events) == ("ended", ["c"])


def test_5_a_handler_that_kills_its_process_is_given_up_with_an_incident(
    configuration: Configuration,
) -> None:
    configuration.add_jobs(1, max_attempts=2)

    for _attempt in range(2):
        with configuration.process("die at the job") as worker:
            worker.wait(PATIENCE_SECONDS)
    with configuration.workers(brief_topic()):
        wait_until(lambda: configuration.count(Incident) == 1)

    with configuration.database.read() as session:
        job = session.query(Job).filter_by(topic="probe").one()
        incident = session.query(Incident).one()
    assert (job.state, job.attempts, job.max_attempts) == ("dead", 2, 2)
    assert incident.job_id == job.id
    assert configuration.count_done() == 0
