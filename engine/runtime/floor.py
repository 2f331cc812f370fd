"""Bare SpiffWorkflow, the floor of every comparison: one step with the spec in memory.

The state is the library's own JSON without the diagram, which would be stored once for a version.
"""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

from lxml import etree
from SpiffWorkflow.bpmn.parser.BpmnParser import BpmnParser
from SpiffWorkflow.bpmn.serializer import BpmnWorkflowSerializer
from SpiffWorkflow.bpmn.serializer.config import DEFAULT_CONFIG
from SpiffWorkflow.bpmn.serializer.default.workflow import BpmnWorkflowConverter
from SpiffWorkflow.bpmn.workflow import BpmnWorkflow
from SpiffWorkflow.util.task import TaskState


class StockProcess:
    """A diagram as stock SpiffWorkflow runs it: state in, state out, nothing else."""

    def __init__(self, xml: bytes):
        """Parse the diagram once; scripts and conditions must be what Python reads too."""
        parser = BpmnParser()
        parser.add_bpmn_xml(etree.fromstring(xml))
        self._spec = parser.get_spec(parser.get_process_ids()[0])
        self._serializer = BpmnWorkflowSerializer(
            BpmnWorkflowSerializer.configure({**DEFAULT_CONFIG, BpmnWorkflow: _StateConverter})
        )

    def start(self) -> str:
        """Start an instance, run it to its first user task and give its state as JSON."""
        workflow = BpmnWorkflow(self._spec)
        workflow.do_engine_steps()
        return self._dump(workflow)

    def complete(self, state: str, data: dict[str, Any]) -> str:
        """Read the state, complete the one user task with data, run on and give the new state."""
        read = json.loads(state)
        read["spec"] = self._spec
        workflow = self._serializer.from_dict(read)
        [task] = workflow.get_tasks(state=TaskState.READY, manual=True)
        task.data.update(data)
        task.run()
        workflow.do_engine_steps()
        return self._dump(workflow)

    def _dump(self, workflow: BpmnWorkflow) -> str:
        return json.dumps(self._serializer.to_dict(workflow))


class _StateConverter(BpmnWorkflowConverter):  # type: ignore[misc]
    """The library's converter without the specification, which stays in memory."""

    def to_dict(self, workflow: Any) -> dict[str, Any]:
        """Give the state of a workflow, without its diagram."""
        kept = super(BpmnWorkflowConverter, self).to_dict(workflow)
        kept["subprocesses"] = self.mapping_to_dict(workflow.subprocesses)
        return dict(kept)

    def from_dict(self, dct: dict[str, Any]) -> Any:
        """Give the workflow of a state; the specification is in it by reference."""
        workflow = self.target_class(dct.pop("spec"), {}, deserializing=True)
        self._restore_tasks(workflow, dct)
        return workflow

    def _restore_tasks(self, workflow: Any, dct: dict[str, Any]) -> None:
        workflow.tasks = self.mapping_from_dict(dct["tasks"], UUID, workflow=workflow)
        workflow.task_tree = workflow.tasks[UUID(dct["root"])]
        self.set_default_attributes(workflow, dct)
