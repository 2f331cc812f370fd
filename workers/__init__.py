"""What runs outside a request: conflict checks, media check-in, notices, the runner of jobs."""
