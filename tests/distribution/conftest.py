from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.distribution.configuration import POSTGRESQL, SQLITE, Configuration
from tests.integration.site import Site


@pytest.fixture(params=[SQLITE, POSTGRESQL])
def configuration(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Configuration]:
    """Give each configuration with the example organization: the test runs on both."""
    give = request.getfixturevalue
    if request.param == SQLITE:
        found = Configuration(Site(tmp_path, template=give("loaded_template")))
    else:
        site = Site(tmp_path, database_url=give("loaded_postgresql_url"))
        found = Configuration(site, give("postgresql"), give("rabbitmq"), give("broker_url"))
    yield found
    found.site.services.waiting_room.close()
    found.database.close()
