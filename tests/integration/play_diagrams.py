"""Runs small diagrams through the commands on a real database, without the publish check."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec, TypeVar, cast

from sqlalchemy import func, select

from engine.commands.context import execute
from engine.commands.processes import start_process
from engine.commands.tasks import complete_task
from engine.context import Actor, Context
from engine.runtime.definitions import load_definition
from models.database import Database
from models.definition import Definition
from models.instance import Instance, UserTask
from models.job import Incident, Job
from models.vocabulary import Role
from tests.conftest import MovableClock
from tests.unit.engine.validation.drawing import draw
from workers.ports import WorkerPorts
from workers.registry import TopicRegistry
from workers.runner import drain

P = ParamSpec("P")
R = TypeVar("R")

EVERY_ROLE = frozenset(role.value for role in Role)


class Table:
    """A database on which a test plays small diagrams as one person who holds every role."""

    def __init__(self, database: Database, clock: MovableClock):
        self.database = database
        self.clock = clock
        self.topics = TopicRegistry()
        self.person = Actor("u02", "Marta Novak", EVERY_ROLE)

    def put(self, key: str, notation: str, *, before: str = "", **options: str) -> int:
        """Deploy a diagram as the next version of its key; give the version."""
        content = draw(notation, key=key, before=before, **options)
        load_definition(content)
        with self.database.write() as session:
            last = session.scalar(select(func.max(Definition.version)).where(Definition.key == key))
            row = Definition(
                kind="bpmn",
                key=key,
                version=(last or 0) + 1,
                name=key,
                digest=hashlib.sha256(content).hexdigest(),
                content=content,
                deployed_at=self.clock.now(),
                deployed_by=None,
            )
            session.add(row)
        return row.version

    def do(
        self, command: Callable[Concatenate[Context, P], R], *args: P.args, **kwargs: P.kwargs
    ) -> R:
        """Give a command as the person."""
        return execute(self.database, self.clock, self.person, command, *args, **kwargs)

    def start(self, key: str, business_key: str = "K1", **data: Any) -> str:
        """Start an instance; give its id."""
        return self.do(start_process, key=key, data=data, business_key=business_key).id

    def finish(self, element_id: str, instance_id: str | None = None, **data: Any) -> None:
        """Complete the open task of an element."""
        [task] = [task for task in self.open_tasks(instance_id) if task.element_id == element_id]
        self.do(complete_task, task_id=task.id, data=data)

    def do_task(self, task_id: str, **data: Any) -> None:
        """Complete a task by its id."""
        self.do(complete_task, task_id=task_id, data=data)

    def work(self) -> int:
        """Run every job that is due."""
        return drain(self.database, self.clock, cast(WorkerPorts, None), self.topics)

    def all(self, table: Any, *where: Any) -> list[Any]:
        """Give rows in the order they were made."""
        with self.database.read() as session:
            return list(session.scalars(select(table).where(*where).order_by(table.id)))

    def instance(self, instance_id: str) -> Instance:
        """Give an instance as it is stored."""
        [found] = self.all(Instance, Instance.id == instance_id)
        assert isinstance(found, Instance)
        return found

    def waits_at(self, instance_id: str) -> list[str]:
        """Give the elements at which an instance has tokens."""
        return sorted(self.instance(instance_id).tokens)

    def open_tasks(self, instance_id: str | None = None) -> list[UserTask]:
        """Give the open user tasks of one instance or of all."""
        where = [UserTask.state == "open"]
        if instance_id is not None:
            where.append(UserTask.instance_id == instance_id)
        return self.all(UserTask, *where)

    def open_incidents(self) -> list[Incident]:
        """Give the incidents that nobody has resolved."""
        return self.all(Incident, Incident.resolved_at.is_(None))

    def jobs(self) -> list[Job]:
        """Give the live jobs."""
        return self.all(Job)
