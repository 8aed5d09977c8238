"""Structured logs on stderr, one JSON line each. They contain ids, never transcript text."""

from __future__ import annotations

import sys

import structlog


def configure() -> None:
    """Configures structlog for the process."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
    )
