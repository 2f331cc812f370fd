"""Alembic migrations: how a database becomes what the tables say."""
