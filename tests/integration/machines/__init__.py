"""Random commands against a real database, killed and restarted, beside a small model."""
