"""Identifiers, codes and documents: pure functions on text and bytes, without database and without clock."""
