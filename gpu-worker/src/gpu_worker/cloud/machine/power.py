"""Switches this machine off."""

from __future__ import annotations

import shlex
import subprocess

import structlog

from gpu_worker.cloud.settings import WorkSettings

log = structlog.get_logger()


def power_off(settings: WorkSettings, why: str) -> None:
    """Switches this machine off."""
    log.warning("switching the machine off", why=why)
    subprocess.run(shlex.split(settings.poweroff_command), check=True)
