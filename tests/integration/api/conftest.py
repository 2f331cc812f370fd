from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.site import Site


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """Give a site with nothing in it."""
    site = Site(tmp_path)
    yield site
    site.services.database.close()


@pytest.fixture
def example(tmp_path: Path, loaded_template: Path) -> Iterator[Site]:
    """Give a site with the example organization and the shipped processes."""
    site = Site(tmp_path, template=loaded_template)
    yield site
    site.services.database.close()
