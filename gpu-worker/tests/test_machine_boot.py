"""The boothook, the boot scripts and the units under a real systemd, from an empty machine to a running worker."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from systemd_machine import SystemdMachine, missing_here

WORKER = Path(__file__).parents[1]
BOOTSTRAP = WORKER / "bootstrap"
BOOTHOOK = (BOOTSTRAP / "boothook.sh").read_text().replace("@CONFIG@", "the-parameter")
UNITS = sorted(path.name for path in BOOTSTRAP.glob("chunkscribe-*.*"))
LOCK = WORKER / "requirements-dev.txt"
PACKAGE = "structlog"
"""A package of the worker's lock. It is installed with its hash, from a folder in place of the package index."""

FAKE_WORKER = """
import json, os, signal, socket, sys, time
from pathlib import Path
import structlog
command, *rest = sys.argv[1:]
if command == "find-model":
    folder = Path(os.environ["CHUNKSCRIBE_MODELS"]) / rest[0]
    if not folder.exists():
        assert Path("/aws/hub").exists(), "the model hub does not respond"
        with open("/aws/calls", "a") as calls: calls.write("hub\\n")
        folder.mkdir(parents=True)
        (folder / "model.bin").write_text("the model")
    print(folder)
    sys.exit()
Path("/tmp/private").write_text("private")
print(json.dumps({"version": os.environ["WORKER_VERSION"], "device": os.environ["DEVICE"], "user": os.getuid()}), flush=True)
notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
while True:
    notify.sendto(b"WATCHDOG=1", os.environ["NOTIFY_SOCKET"])
    time.sleep(1)
"""


@pytest.fixture(scope="module")
def wheels(tmp_path_factory):
    """A folder with the wheel of the one package that the machine installs."""
    folder = tmp_path_factory.mktemp("wheels")
    lock = folder / "lock.txt"
    lock.write_text(_only(LOCK.read_text(), PACKAGE))
    download = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "-q",
        "--require-hashes",
        "--no-deps",
        "-d",
        str(folder),
        "-r",
        str(lock),
    ]
    subprocess.run(download, check=True)
    return folder


class Stage:
    """What the stage's bucket and parameter contain, and a machine of the stage."""

    def __init__(self, machine: SystemdMachine, wheels: Path) -> None:
        self.machine = machine
        shutil.copytree(wheels, machine.path("/wheels"))
        machine.write("/usr/local/bin/sleep", "#!/bin/sh\n", executable=True)  # between retries
        self.offer()

    def offer(self, *, index: bool = True, hub: bool = True) -> None:
        """Whether the package index and the model hub respond."""
        links = "/wheels" if index else "/nothing"
        self.machine.write("/etc/pip.conf", f"[global]\nno-index = true\nfind-links = {links}\n")
        self.machine.path("/aws/hub").unlink(missing_ok=True)
        if hub:
            self.machine.write("/aws/hub", "")

    def publish(self, version: str, *, contract: str = "1", lock_note: str = "", worker: str = FAKE_WORKER) -> None:
        """Publishes a version of the code. Another `lock_note` needs another environment."""
        config = {
            "BUNDLE": f"s3://assets/{version}.zip",
            "LOG_GROUP": "the-logs",
            "MODEL": "small.en",
            "BUCKET_NAME": "bucket",
        }
        self.machine.write("/aws/parameter", json.dumps({**config, "CONTRACT": contract, "DEVICE": "cuda"}))
        bundle = self.machine.path(f"/aws/assets/{version}.zip")
        bundle.parent.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(bundle, "w") as archive:
            for file in BOOTSTRAP.iterdir():
                archive.writestr(f"bootstrap/{file.name}", file.read_text())
            archive.writestr("contract", contract)
            archive.writestr("src/gpu_worker/__main__.py", worker)
            archive.writestr("src/gpu_worker/speech/models/models.json", "{}")
            lock = _only(LOCK.read_text(), PACKAGE) + f"# {lock_note}\n"
            for extra, text in (("cloud", lock), ("gpu", "")):
                archive.writestr(f"requirements-{extra}.txt", text)

    def boot(self) -> None:
        """Boots the machine and waits until no job of systemd waits."""
        self.machine.write("/aws/calls", "")
        self.machine.boot(BOOTHOOK)
        self.machine.wait_until(lambda: not self.machine.jobs(), "no job waits")

    def restart(
        self, version: str, *, index: bool = True, hub: bool = True, contract: str = "1", lock_note: str = ""
    ) -> None:
        """Publishes a version, switches the machine off, and boots it until a worker runs."""
        self.machine.off()
        self.machine.path("/var/log/chunkscribe/worker.log").unlink(missing_ok=True)
        self.publish(version, contract=contract, lock_note=lock_note)
        self.offer(index=index, hub=hub)
        self.boot()
        self.machine.wait_until(lambda: self.serving, "the worker runs")

    def take_bucket_of(self, other: Stage) -> None:
        """Gives the machine the same bucket, as a copy."""
        shutil.copytree(other.machine.path("/aws/bucket"), self.machine.path("/aws/bucket"))

    @property
    def stored(self) -> list[Path]:
        """Environments and models in the stage's bucket."""
        return [*self.machine.path("/aws/bucket/machine").rglob("*.tar")]

    @property
    def serving(self) -> dict[str, object]:
        """What the last started worker wrote into its log."""
        lines = self.machine.read("/var/log/chunkscribe/worker.log").splitlines()
        return json.loads(lines[-1]) if lines else {}

    @property
    def calls(self) -> str:
        """Calls of AWS and of the model hub since the last boot began."""
        return self.machine.read("/aws/calls")


def _only(lock: str, package: str) -> str:
    found = re.search(rf"^{package}==.*?(?=^\S|\Z)", lock, re.S | re.M)
    assert found
    return found.group(0)


def _stage(folder: Path, wheels: Path) -> Stage:
    missing = missing_here()
    assert missing is None, missing
    return Stage(SystemdMachine(folder), wheels)


@pytest.fixture(scope="module")
def first(tmp_path_factory, wheels):
    """A stage whose machine runs the version `first`, installed at its first boot. Tests that change it boot it again."""
    stage = _stage(tmp_path_factory.mktemp("first") / "machine", wheels)
    try:
        stage.publish("first")
        stage.boot()
        stage.machine.wait_until(
            lambda: stage.serving and not stage.machine.is_active("chunkscribe-boot"), "the worker runs"
        )
        yield stage
    finally:
        stage.machine.close()


@pytest.fixture
def empty(tmp_path, wheels):
    """A stage with a machine that has never booted."""
    stage = _stage(tmp_path / "machine", wheels)
    try:
        yield stage
    finally:
        stage.machine.close()


@pytest.mark.promise("deployment.machine")
def test_a_first_boot_ends_with_a_running_worker_and_no_waiting_job(first):
    machine = first.machine
    assert first.serving["version"] == "first" and first.serving["device"] == "cuda" and first.serving["user"] != 0
    assert "nvidia-modprobe -c 0 -u" in machine.read("/aws/tools")
    assert machine.run("ls", "/tmp/private").returncode != 0  # PrivateTmp
    machine.wait_until(
        lambda: "amazon-cloudwatch-agent-ctl -a fetch-config" in machine.read("/aws/tools"), "the agent is started"
    )
    assert (
        json.loads(machine.read("/opt/chunkscribe/agent.json"))["logs"]["logs_collected"]["files"]["collect_list"][0][
            "log_group_name"
        ]
        == "the-logs"
    )
    assert machine.systemctl("--failed", "--no-legend") == ""
    assert "chunkscribe-deadline.timer" in machine.systemctl("list-timers", "--no-legend")


@pytest.mark.promise("deployment.machine")
def test_a_boothook_that_waits_for_a_job_blocks_the_boot(empty):
    machine = empty.machine
    machine.boot("#!/bin/bash\nsystemd-run --on-active=10min --unit=chunkscribe-boot-deadline /bin/true\necho went on\n")
    machine.wait_until(lambda: "chunkscribe-boot-deadline.timer" in machine.jobs(), "the timer waits")
    waits = {line.split()[1]: line.split()[3] for line in machine.jobs().splitlines()}
    assert waits["sysinit.target"] == waits["chunkscribe-boot-deadline.timer"] == "waiting"
    assert waits["cloud-init.service"] == "running"
    assert machine.read("/var/log/cloud-init-output.log") == ""


@pytest.mark.promise("deployment.machine")
def test_the_boothook_waits_for_no_job():
    calls = re.findall(r"^\s*(system\S+ .*)$", BOOTHOOK.split("chmod 755")[1], re.M)
    outside = [call for call in calls if "daemon-reload" not in call and "--no-block" not in call]
    assert len(calls) == 2 and outside == []


@pytest.mark.promise("deployment.machine")
def test_systemd_accepts_all_units_and_restricts_the_worker(first):
    machine = first.machine
    units = sorted(path.name for path in machine.path("/etc/systemd/system").glob("chunkscribe-*"))
    assert {*UNITS, "chunkscribe-boot.service", "chunkscribe-deadline.timer", "chunkscribe-deadline.service"} == set(units)
    for unit in units:
        assert machine.run("systemd-analyze", "verify", "--man=no", unit).stderr == "", unit
    security = machine.run("systemd-analyze", "security", "--no-pager", "--threshold=40", "chunkscribe-worker.service")
    assert security.returncode == 0, security.stdout


@pytest.mark.promise("deployment.machine")
def test_a_later_boot_asks_neither_the_package_index_nor_the_model_hub(first):
    [site] = first.machine.path("/opt/chunkscribe/environments").glob("*/lib/python3*/site-packages")
    for name in ("cublas", "cuda_nvrtc"):
        (site / "nvidia" / name / "lib").mkdir(parents=True, exist_ok=True)
    first.restart("first", index=False, hub=False)
    assert first.serving["version"] == "first"
    [libraries] = re.findall(r"^LD_LIBRARY_PATH=(.*)$", first.machine.read("/opt/chunkscribe/worker.env"), re.M)
    assert [Path(folder).parent.name for folder in libraries.split(":")] == ["cublas", "cuda_nvrtc"]
    assert [line.split()[0:2] for line in first.calls.splitlines()] == [["ssm", "get-parameter"]]


@pytest.mark.promise("deployment.machine")
def test_another_machine_of_the_stage_asks_neither_the_package_index_nor_the_model_hub(first, empty):
    first.machine.wait_until(lambda: len(first.stored) == 2, "both copies are stored")
    empty.take_bucket_of(first)
    empty.publish("first")
    empty.offer(index=False, hub=False)
    empty.boot()
    empty.machine.wait_until(lambda: empty.serving, "the worker runs")
    assert empty.serving["version"] == "first"


@pytest.mark.promise("deployment.machine")
def test_the_current_version_serves_while_a_new_one_is_installed_which_serves_from_the_next_boot_on(first):
    first.restart("second", lock_note="other packages")
    assert first.serving["version"] == "first"
    first.machine.wait_until(lambda: not first.machine.is_active("chunkscribe-boot") and len(first.stored) == 3, "installed")
    first.restart("second", lock_note="other packages", index=False, hub=False)
    assert first.serving["version"] == "second"


@pytest.mark.promise("deployment.machine")
def test_the_current_version_serves_if_a_new_one_cannot_be_installed(first):
    version = first.serving["version"]
    first.restart("broken", lock_note="cannot be installed", index=False)
    assert first.serving["version"] == version
    assert first.machine.is_active("chunkscribe-worker")


@pytest.mark.promise("deployment.machine")
def test_the_current_version_serves_if_aws_fails(first):
    version = first.serving["version"]
    first.machine.write("/aws/down", "")
    try:
        first.restart("unreachable")
        assert first.serving["version"] == version
    finally:
        first.machine.path("/aws/down").unlink()


@pytest.mark.promise("deployment.machine")
def test_a_version_that_the_stage_no_longer_accepts_does_not_serve(first):
    first.restart("next", lock_note="packages of contract 2", contract="2")
    assert first.serving["version"] == "next"
    first.publish("later", lock_note="cannot be installed", contract="3")
    first.offer(index=False)
    first.machine.off()
    first.boot()
    first.machine.wait_until(lambda: first.machine.systemctl("is-failed", "chunkscribe-boot") == "failed", "the boot fails")
    assert not first.machine.is_active("chunkscribe-worker")
    first.machine.run(
        "systemctl", "start", "--no-block", "chunkscribe-deadline.service"
    )  # as its timer does after ten minutes
    first.machine.wait_until(first.machine.has_stopped, "the machine switches itself off")


@pytest.mark.promise("deployment.machine")
def test_an_interrupted_installation_starts_over(empty):
    empty.publish("one")
    empty.machine.boot(BOOTHOOK)
    empty.machine.wait_until(lambda: [*empty.machine.path("/opt/chunkscribe/environments").glob("*.new")], "it installs")
    empty.machine.off()
    empty.boot()
    empty.machine.wait_until(lambda: empty.serving, "the worker runs")


@pytest.mark.promise("deployment.machine")
def test_systemd_kills_a_frozen_worker_and_starts_it_again_with_the_reason(first):
    machine = first.machine
    machine.off()
    machine.write("/etc/systemd/system/chunkscribe-worker.service.d/test.conf", "[Service]\nWatchdogSec=1\n")
    first.restart("watched", lock_note="watched")
    machine.run("systemctl", "kill", "--signal=STOP", "chunkscribe-worker")
    machine.wait_until(lambda: "watchdog" in machine.run("cat", "/run/chunkscribe/last-end").stdout, "the worker is killed")
    machine.wait_until(lambda: machine.is_active("chunkscribe-worker"), "it is started again")


@pytest.mark.promise("deployment.machine")
def test_the_worker_switches_the_machine_off_through_its_file(first):
    first.restart("last", lock_note="last")
    first.machine.run("touch", "/run/chunkscribe/poweroff")
    first.machine.wait_until(first.machine.has_stopped, "the machine is off")
