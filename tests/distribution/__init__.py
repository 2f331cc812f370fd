"""The ten acceptance tests of jobs, timers and scale, each named by its number.

The tenth is the fixture `configuration`: all run on SQLite with ids in memory and on PostgreSQL
with RabbitMQ, as far as there is something to lose in both.
"""
