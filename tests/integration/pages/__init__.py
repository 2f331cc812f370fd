"""Tests of the pages through the Flask test client."""
