"""Plays people's part through the same commands that pages and the API use."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec, TypeVar

from sqlalchemy import select

from engine.clock import Clock
from engine.commands.context import execute
from engine.commands.tasks import complete_task
from engine.context import Actor, Context
from engine.errors import NotFound
from engine.people import load_actor
from models.database import Database
from models.instance import Instance, UserTask
from models.vocabulary import TaskState

P = ParamSpec("P")
R = TypeVar("R")


class Play:
    """A play on one database; `work` runs the jobs that are due between two acts."""

    def __init__(self, database: Database, clock: Clock, work: Callable[[], object]):
        """Take the database, the clock and what runs the due jobs."""
        self._database = database
        self._clock = clock
        self.work = work

    def act(
        self,
        person_id: str,
        command: Callable[Concatenate[Context, P], R],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> R:
        """Let a person give a command, then let the workers do what is due."""
        result = execute(
            self._database, self._clock, self._actor(person_id), command, *args, **kwargs
        )
        self.work()
        return result

    def do_task(
        self, person_id: str, business_key: str, element_id: str, data: dict[str, Any]
    ) -> UserTask:
        """Let a person complete the open task of an element that is theirs to do.

        Raises NotFound when no such task is open for this person.
        """
        task = self._find_task(self._actor(person_id), business_key, element_id)
        return self.act(person_id, complete_task, task_id=task.id, data=data)

    def _actor(self, person_id: str) -> Actor:
        with self._database.read() as session:
            actor = load_actor(session, person_id)
        if actor is None:
            raise NotFound(f"There is no person {person_id}.")
        return actor

    def _find_task(self, actor: Actor, business_key: str, element_id: str) -> UserTask:
        with self._database.read() as session:
            tasks = session.scalars(
                select(UserTask)
                .join(Instance, Instance.id == UserTask.instance_id)
                .where(
                    Instance.business_key == business_key,
                    UserTask.element_id == element_id,
                    UserTask.state == TaskState.OPEN.value,
                )
                .order_by(UserTask.assignee_id.is_(None), UserTask.created_at)
            )
            for task in tasks:
                named = task.assignee_id == actor.person_id
                if named or (task.assignee_id is None and actor.holds(task.role)):
                    session.expunge(task)
                    return task
        raise NotFound(f"{actor.name} has no task {element_id} of {business_key}.")
