"""Signing in at an organisation's own provider (OpenID Connect): whose provider, what it says, and whom it may sign in."""
