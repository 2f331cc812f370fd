"""Checking media in to and out of the Definitive Media Library."""
