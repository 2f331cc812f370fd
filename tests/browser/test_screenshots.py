"""The script that takes the pictures of the docs runs on a fresh demo and shows what it says."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.browser.screenshots import FOLDER, PICTURES, take

pytestmark = pytest.mark.browser


def test_every_picture_of_the_docs_is_taken_from_a_fresh_demo(
    chromium: Browser, tmp_path: Path
) -> None:
    taken = list(take(chromium, tmp_path, (1280,), ("light",)))

    assert [file.stem for file in taken] == list(PICTURES)
    assert all(file.read_bytes().startswith(b"\x89PNG") for file in taken)
    assert {file.name for file in taken} == {file.name for file in FOLDER.glob("*.png")}
