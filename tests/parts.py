"""The parts of the product as a test meets them: a mail server, a worker, the whole site, a browser."""

from __future__ import annotations
