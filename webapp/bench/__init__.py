"""The bench of the engine: a real server, driven over HTTP, each figure beside floor and bar."""
