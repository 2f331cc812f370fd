"""A real cluster that tests share: two web processes and one worker on PostgreSQL and RabbitMQ."""
