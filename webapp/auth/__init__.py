"""Who is asking: sign-in, server-side sessions and API tokens."""
