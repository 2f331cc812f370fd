"""What runs outside a request: conflict checks, media check-in, notifications, and the runner of jobs."""
