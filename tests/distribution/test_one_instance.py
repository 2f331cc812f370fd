"""Completions of one instance by several workers at once are all counted (9)."""

from __future__ import annotations

from typing import Any

from tests.distribution.configuration import Configuration
from workers.ports import WorkerPorts
from workers.registry import TopicRegistry, Work

COMPLETIONS = 100
MANY = f"""
    start a
    service b camunda:topic="probe" | <multiInstanceLoopCharacteristics><loopCardinality>{COMPLETIONS}</loopCardinality></multiInstanceLoopCharacteristics>
    end c
    a > b > c
"""  # noqa: E501


def test_9_a_hundred_completions_of_one_instance_by_two_workers_at_once_are_all_counted(
    configuration: Configuration,
) -> None:
    table = configuration.table()
    table.put("many", MANY)
    topics = TopicRegistry()

    @topics.topic("probe")
    def probe(_work: Work, _ports: WorkerPorts) -> dict[str, Any]:
        return {}

    with configuration.workers(topics), configuration.workers(topics):
        instance_id = table.start("many")
        begun = table.instance(instance_id).version
        configuration.wait_until_done(COMPLETIONS)

    instance = table.instance(instance_id)
    assert (instance.state, instance.end_events) == ("ended", ["c"])
    assert instance.version == begun + COMPLETIONS
    configuration.expect_each_done_once(COMPLETIONS)
