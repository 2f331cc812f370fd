"""Handlers that an installation brings along: Python modules that register topics."""

from __future__ import annotations

import importlib
from collections.abc import Sequence

from workers.registry import TopicClaimedTwice, TopicRegistry


class HandlersUnusable(RuntimeError):
    """A module of handlers cannot be imported or claims what is taken; the message says which."""


def load_handlers(topics: TopicRegistry, modules: Sequence[str]) -> None:
    """Import these modules, whose topics are isolated unless they say otherwise.

    Loaded ones are left alone. Raises HandlersUnusable, also for a module without any topic.
    """
    for module in modules:
        if module in topics.loaded_modules:
            continue
        before = len(topics.names())
        try:
            with topics.loading(module):
                importlib.import_module(module)
        except TopicClaimedTwice as error:
            raise HandlersUnusable(f"The module {module}: {error}.") from None
        except Exception as error:
            raise HandlersUnusable(
                f"The module {module} cannot be imported: {type(error).__name__}: {error}. It must "
                "be installed beside Assent or lie on PYTHONPATH."
            ) from error
        if len(topics.names()) == before:
            raise HandlersUnusable(f"The module {module} registers no topic.")
        topics.loaded_modules.append(module)
