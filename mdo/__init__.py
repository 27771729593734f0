"""MDO: the specialists of several hospitals at one table."""
