"""A disk that is full at any statement of a command is told as such, and nothing is half done."""

from __future__ import annotations

import sqlite3
from itertools import count
from typing import Any

from sqlalchemy import event
from sqlalchemy.exc import OperationalError

from engine.errors import StorageFull
from models.database import Database
from tests.conftest import MovableClock
from tests.integration.play_diagrams import Table


def test_a_full_disk_at_any_statement_is_told_as_such(
    database: Database, clock: MovableClock
) -> None:
    # given a task, and a disk that is full at one statement after the other
    table = Table(database, clock)
    table.put("p", "start begin\nuser write\nuser read\nend done\nbegin > write > read > done")
    instance = table.start("p")
    left = 0

    def fill_up(*_: Any) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            raise OperationalError("", None, sqlite3.OperationalError("database or disk is full"))

    event.listen(database.engine, "before_cursor_execute", fill_up)
    refused = 0
    for number in count(1):
        # when the task is completed
        [task] = table.open_tasks(instance)
        left = number
        try:
            table.do_task(task.id)
        except StorageFull:
            refused += 1
            left = 0
        else:
            break

        # then it is refused with its reason, and the task is still there
        assert table.waits_at(instance) == ["write"]

    assert refused > 5
    left = 0
    assert table.waits_at(instance) == ["read"]
