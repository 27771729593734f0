"""Adapters to what other programs say and understand: pure, without database writes."""
