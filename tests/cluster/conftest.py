from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.cluster.processes import Cluster, start_cluster, stop_cluster
from tests.services import PostgresqlCluster, RabbitmqNode


@pytest.fixture(scope="package")
def cluster(
    postgresql: PostgresqlCluster,
    rabbitmq: RabbitmqNode,
    loaded_postgresql_template: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Cluster]:
    """Give the running cluster; each test brings processes and numbers of its own.

    It ends with the tests of this package: its worker would take ids of others from its broker.
    """
    name = postgresql.create_database(loaded_postgresql_template)
    folder = tmp_path_factory.mktemp("cluster") / "var"
    started = start_cluster(folder, postgresql.url(name), rabbitmq.take_url())
    yield started
    stop_cluster(started)
