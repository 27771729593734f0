"""Tests on real parts: PostgreSQL, Valkey, Celery, SMTP, Daphne, Chromium."""
