"""Calendars, maintenance and blackout windows as UTC occurrences, and the change schedule."""
