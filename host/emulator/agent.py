"""Run Command on the emulated machines: the SSM agent of each running machine, which only knows how to kill its worker."""

from __future__ import annotations

import contextlib
import json
import os
import signal
from pathlib import Path
from typing import Any

KILL_WORKER = "systemctl kill --signal=KILL chunkscribe-worker"


def answer_commands(run_folder: Path) -> None:
    """Makes running machines reachable by Run Command. MiniStack needs Docker for that. Other scripts than `KILL_WORKER` fail.

    `run_folder` contains the notes of the workers' processes. @see host/processes.ts
    """
    from ministack.services import ec2

    def is_managed(instance_id: str) -> bool:
        state = ec2._instances.get(instance_id, {}).get("State", {})
        return bool(state.get("Name") == "running" and (run_folder / f"worker-{instance_id}.json").exists())

    def execute(instance_id: str, argv: list[str]) -> tuple[int, str, str]:
        if argv[-1] != KILL_WORKER:
            return 127, "", f"the emulated machine only knows: {KILL_WORKER}"
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            note: dict[str, Any] = json.loads((run_folder / f"worker-{instance_id}.json").read_text())
            os.kill(int(note["pid"]), signal.SIGKILL)
            return 0, "", ""
        return 1, "", "the worker does not run"

    ec2.instance_is_managed = is_managed
    ec2.exec_in_instance_blocking = execute
