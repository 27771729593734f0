"""MDO: the specialists of several hospitals at one table."""

__version__ = "0.1.0"
