"""The Flask application: pages for people and an HTTP API for programs."""
