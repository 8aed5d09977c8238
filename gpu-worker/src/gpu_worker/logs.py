"""Structured logs on stderr, one JSON line each; ids only, never what was said."""

from __future__ import annotations

import sys

import structlog


def configure() -> None:
    """For the whole process."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
    )
