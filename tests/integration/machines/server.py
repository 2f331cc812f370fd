"""A server that can be killed at any statement of a command, or before its commit or answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Concatenate, Generic, Literal, ParamSpec, TypeVar

from hypothesis import strategies as st
from sqlalchemy import event

from engine import definitions as stored_definitions
from engine.commands.context import execute
from engine.context import Actor, Context
from engine.runtime import definitions
from models.database import Database
from tests.conftest import MovableClock

P = ParamSpec("P")
R = TypeVar("R")

Kill = int | Literal["commit", "answer"] | None
"""The SQL statement at which the server dies, or just before the commit or the answer."""

KILLS: st.SearchStrategy[Kill] = st.sampled_from(
    [None] * 12 + [1, 2, 4, 7, 11, 16, 22, 30] + ["commit", "commit", "answer", "answer"]
)


COMPILED: dict[Any, Any] = {}


class Killed(BaseException):
    """The process is gone; nothing that it had begun goes on."""


@dataclass(frozen=True)
class Answer(Generic[R]):
    """What became of a command: whether it was committed, and what the client was told of it."""

    committed: bool
    result: R | None = None
    told: bool = True


class Server:
    """One database file and a server on it that dies and starts again."""

    def __init__(self, path: Path, clock: MovableClock) -> None:
        self.path = path
        self.clock = clock
        self._statements_left: int | None = None
        self._dies_at_commit = False
        self._open()

    def _open(self) -> None:
        self.database = Database(f"sqlite:///{self.path}")
        # What SQLAlchemy has compiled is no state of the server, and making it anew takes long.
        self.database.engine.update_execution_options(compiled_cache=COMPILED)
        event.listen(self.database.engine, "before_cursor_execute", self._count)
        event.listen(self.database.engine, "commit", self._commit)

    def restart(self) -> None:
        """Start again as a new process does: no connections, nothing cached."""
        self._statements_left, self._dies_at_commit = None, False
        self.database.close()
        definitions._cache.clear()
        for cached in vars(stored_definitions).values():
            if hasattr(cached, "cache_clear"):
                cached.cache_clear()
        self._open()

    def close(self) -> None:
        """Stop for good."""
        self.database.close()

    def do(
        self,
        actor: Actor,
        kill: Kill,
        command: Callable[Concatenate[Context, P], R],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> Answer[R]:
        """Carry out a command, dying on the way if it is told to; refusals come through."""
        self._statements_left = kill if isinstance(kill, int) else None
        self._dies_at_commit = kill == "commit"
        try:
            result = execute(self.database, self.clock, actor, command, *args, **kwargs)
        except Killed:
            self.restart()
            return Answer(committed=False, told=False)
        finally:
            self._statements_left, self._dies_at_commit = None, False
        if kill == "answer":
            self.restart()
            return Answer(committed=True, told=False)
        return Answer(committed=True, result=result)

    def _count(self, *_: Any) -> None:
        if self._statements_left is None:
            return
        self._statements_left -= 1
        if self._statements_left == 0:
            raise Killed

    def _commit(self, _connection: Any) -> None:
        if self._dies_at_commit:
            raise Killed
