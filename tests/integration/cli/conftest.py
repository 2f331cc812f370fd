from __future__ import annotations

import shutil
from pathlib import Path

import pytest


@pytest.fixture
def installation(tmp_path: Path, loaded_template: Path) -> Path:
    """Give the folder of an installation with the example organization and the processes."""
    folder = tmp_path / "var"
    folder.mkdir()
    shutil.copy(loaded_template, folder / "assent.sqlite")
    return folder
