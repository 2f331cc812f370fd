"""Finished instances to the archive, once a day."""
