"""The services tests need, brought along: a PostgreSQL cluster and a RabbitMQ node of their own.

Usable outside pytest too: `with postgresql_cluster() as cluster: ... cluster.create_database()`
and `with rabbitmq_node() as node: ... node.take_url()`.
"""

from tests.services.postgresql import PostgresqlCluster, postgresql_cluster
from tests.services.processes import ServiceMissing
from tests.services.rabbitmq import RabbitmqNode, rabbitmq_node

__all__ = [
    "PostgresqlCluster", "RabbitmqNode", "ServiceMissing", "postgresql_cluster", "rabbitmq_node",
]  # fmt: skip
