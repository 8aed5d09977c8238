"""Liveness signals: systemd and the host get them, and only while the process runs."""

from __future__ import annotations

import re
import socket
from pathlib import Path

import pytest

from gpu_worker.cloud.machine import pulse
from gpu_worker.cloud.machine.claim_note import KILLED_FROM_OUTSIDE
from gpu_worker.cloud.settings import WorkSettings

UNIT = (Path(__file__).parents[1] / "bootstrap" / "chunkscribe-worker.service").read_text()


@pytest.mark.promise("pressure.frozen-worker")
def test_systemd_and_the_host_get_each_signal(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        pulse.beat(str(tmp_path), str(tmp_path / "notify"))
        assert systemd.recv(100) == b"WATCHDOG=1"
    assert (tmp_path / pulse.FILE).exists()


@pytest.mark.promise("pressure.frozen-worker")
def test_signals_continue_after_one_that_failed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pulse, "BEAT_SECONDS", 0.01)
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
    ended = pulse.start_pulse(str(tmp_path))  # the socket does not exist yet
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(20)
        assert systemd.recv(100) == b"WATCHDOG=1"
        assert systemd.recv(100) == b"WATCHDOG=1"
    ended.set()


@pytest.mark.promise("pressure.frozen-worker")
def test_a_frozen_worker_is_killed_within_its_lease_which_does_not_count_as_a_kill_from_outside() -> None:
    seconds = int(re.search(r"^WatchdogSec=(\d+)$", UNIT, re.M)[1])  # type: ignore[index]
    assert 4 * pulse.BEAT_SECONDS < seconds < WorkSettings.model_fields["lease_seconds"].default
    # A stopped process handles no other signal until it continues.
    assert re.search(r"^WatchdogSignal=SIGKILL$", UNIT, re.M)
    assert re.search(r"^NotifyAccess=main$", UNIT, re.M)
    assert not KILLED_FROM_OUTSIDE.startswith("watchdog"), "systemd's service result after a watchdog timeout"
