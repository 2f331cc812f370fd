"""Checks one file of a process folder by its kind: diagram, decision table, form or scenario."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import PurePath

from engine.decisions import DecisionModel, lint_model
from engine.errors import DiagramRefused, InvalidInput, Refusal
from engine.forms import read_form
from engine.runtime.dmn_reader import read_decision_model
from engine.runtime.scenario_file import read_scenario
from engine.runtime.validation.check import check_diagram
from engine.runtime.validation.context import PublishContext
from engine.runtime.validation.problems import Problem, sort_problems, suggest

LARGEST_FORM = 1024 * 1024


def check_file(name: str, content: bytes, context: PublishContext | None = None) -> list[Problem]:
    """Return what keeps a file from being published; its kind follows from the name.

    `.dmn`, `.form` and `.toml` are decision tables, forms and scenarios, all else is a diagram.
    """
    context = context or PublishContext()
    suffix = PurePath(name).suffix.casefold()
    if suffix == ".dmn":
        return check_model(lambda: read_decision_model(content))
    if suffix == ".form":
        return check_form(content)
    if suffix == ".toml":
        return check_scenario(content, context)
    return check_diagram(content, context)


def check_model(read: Callable[[], DecisionModel]) -> list[Problem]:
    """Find what is wrong with a decision model: cells, overlaps, gaps, unreachable rows.

    `read` gives the model, with whatever it imports, or raises `DiagramRefused`.
    """
    try:
        found = lint_model(read())
    except DiagramRefused as refused:
        found = refused.problems
    return sort_problems(Problem.from_json(problem) for problem in found)


def check_form(content: bytes) -> list[Problem]:
    """Find what is wrong with a form-js schema."""
    if not content.strip():
        return [Problem("empty-file", None, 1, "The file has no content.", "Send the form.")]
    if len(content) > LARGEST_FORM:
        message = f"The form has {len(content):,} bytes; the limit is {LARGEST_FORM:,}."
        return [Problem("too-large", None, 1, message, "Split it into several tasks.")]
    try:
        read_form(json.loads(content))
    except InvalidInput as refused:
        line = _line_of_text(content, refused.field)
        hint = "Correct the component, or remove it."
        return [Problem("form", refused.field, line, refused.message, hint)]
    except (ValueError, RecursionError) as error:
        line = getattr(error, "lineno", 1)
        message = f"The form is not JSON: {error}"
        return [Problem("bad-json", None, line, message, "Save it with a form-js editor.")]
    return []


def _line_of_text(content: bytes, text: str | None) -> int | None:
    """Return the line on which a quoted text stands first."""
    place = content.find(f'"{text}"'.encode()) if text else -1
    return content.count(b"\n", 0, place) + 1 if place >= 0 else None


def check_scenario(content: bytes, context: PublishContext) -> list[Problem]:
    """Find what is wrong with a scenario before it is told."""
    hint = "See processes/README.md for what a scenario may say."
    try:
        scenario = read_scenario(content.decode("utf-8"))
    except UnicodeDecodeError:
        return [Problem("encoding", None, 1, "The file is not UTF-8.", "Save it as UTF-8.")]
    except Refusal as refused:
        return [Problem("scenario", refused.field, None, refused.message, hint)]
    if scenario.process not in context.processes:
        message = f"There is no process {scenario.process!r}."
        return [
            Problem("unknown-process", None, 1, message,
                    suggest(scenario.process, context.processes) or hint)
        ]  # fmt: skip
    problems: list[Problem] = []
    for kind, told, known in (
        ("record action", scenario.records, context.record_actions),
        ("topic", scenario.jobs, context.topics),
    ):
        for name in told.keys() - known.keys():
            line = _line_of_text(content, name)
            message = f"There is no {kind} {name!r}."
            problems.append(Problem("scenario", name, line, message, suggest(name, known) or hint))
    return sort_problems(problems)
