"""Runs tests of the runtime restored between all steps, also by reference, and kept in memory."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from engine import values
from tests.unit.engine.runtime.harness import kept_in_memory


@pytest.fixture(params=["restored", "by reference", "in memory"])
def mode(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Play with the state saved and restored at every step, or with live objects uncompacted.

    By reference, every text, list and object counts as a large value.
    """
    if request.param == "in memory":
        with kept_in_memory():
            yield request.param
        return
    if request.param == "by reference":
        monkeypatch.setattr(values, "LARGE", 0)
    yield request.param
