"""Guards of the product taken out, one at a time: the campaign must find each of them missing.

Like the points these are patches of a forked process. Comparisons are taken out of the statements
on their way to the database, so that a mutant says exactly what it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from sqlalchemy import Engine, event

import engine.commands.jobs as job_commands
from engine.context import Context
from webapp.api import changes, proposals


def _rewrite(statement: str, pattern: str) -> None:
    """Let a comparison of matching statements be always true; its parameter stays bound."""
    chosen, comparison = re.compile(statement), re.compile(pattern)

    def on_execute(
        _connection: Any, _cursor: Any, text: str, parameters: Any, _context: Any, _many: bool
    ) -> tuple[str, Any]:
        if chosen.match(text):
            text = comparison.sub(r"AND \1 IS NOT NULL", text)
        return text, parameters

    event.listen(Engine, "before_cursor_execute", on_execute, retval=True)


def _compare_no_versions() -> None:
    _rewrite("UPDATE", r"AND \w+\.version = (\S+)")
    setattr(proposals, "require_match", lambda _etag: None)  # noqa: B010  # Not its own.


def _complete_without_token() -> None:
    _rewrite("DELETE FROM job", r"AND job\.lease_token = (\S+)")


def _commit_now(ctx: Context) -> None:
    ctx.session.flush()
    connection = ctx.session.connection()
    connection.exec_driver_sql("COMMIT")
    connection.exec_driver_sql("BEGIN")


def _commit_job_first() -> None:
    real = job_commands._finish

    def finish(ctx: Context, *args: Any) -> Any:
        done = real(ctx, *args)
        _commit_now(ctx)
        return done

    job_commands._finish = finish  # type: ignore[assignment]


def _commit_answer_last() -> None:
    real = changes._keep

    def keep(ctx: Context, *args: Any) -> None:
        _commit_now(ctx)
        real(ctx, *args)

    changes._keep = keep  # type: ignore[assignment]


MUTANTS: dict[str, Callable[[], None]] = {
    "versions are not compared": _compare_no_versions,
    "a completion does not name its token": _complete_without_token,
    "the job is deleted in a commit of its own": _commit_job_first,
    "the answer is kept in a commit of its own": _commit_answer_last,
}
