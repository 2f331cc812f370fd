"""Runs every test of the runtime twice: restored between all steps, and kept in memory."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.unit.engine.runtime.harness import kept_in_memory


@pytest.fixture(params=["restored", "in memory"])
def mode(request: pytest.FixtureRequest) -> Iterator[str]:
    """Play with the state saved and restored at every step, or with live objects uncompacted."""
    if request.param == "restored":
        yield request.param
        return
    with kept_in_memory():
        yield request.param
