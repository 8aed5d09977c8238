"""The boot script on a folder that represents a machine. Only AWS, systemd and user management are stubs.

The stubs log their arguments. The bundle contains few packages, which are really installed with their hashes.
"""

import json
import os
import re
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest

WORKER = Path(__file__).parents[1]
BOOT = WORKER / "bootstrap" / "boot.sh"
UNITS = ["chunkscribe-worker.service", "chunkscribe-poweroff.service", "chunkscribe-poweroff.path"]
PACKAGES = {
    "requirements.txt": ("structlog", WORKER / "requirements.txt"),
    "requirements-speakers.txt": ("", WORKER / "requirements-speakers.txt"),
    "requirements-gpu.txt": ("", WORKER / "requirements-gpu.txt"),
}
STUBS = {
    "aws": """
case "$1 $2" in
  "ssm get-parameter") cat "$MACHINE/config.json" ;;
  "s3 cp") [ ! -e "$MACHINE/no-bundle" ] && cp "$MACHINE/bundle.zip" "${@: -1}" ;;
esac""",
    "curl": """
case "${@: -1}" in
  */api/token) echo token ;;
  */placement/region) echo eu-west-1 ;;
  */instance-id) echo i-0123 ;;
  *) [ "$1" = -sf ] && case "$*" in *meta-data/placement/region*) echo eu-west-1 ;; *meta-data/instance-id*) echo i-0123 ;;
     *agent.deb*) exit 22 ;; *) echo token ;; esac ;;
esac""",
    "systemctl": '[ "$1" != is-active ]',
    **{name: "true" for name in ("systemd-run", "useradd", "chown")},
}


class Machine:
    """A folder that represents a machine."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.root = folder, folder / "root"
        self.home = self.root / "opt" / "chunkscribe"
        stubs = folder / "stubs"
        stubs.mkdir(parents=True)
        for name, body in STUBS.items():
            (stubs / name).write_text(f'#!/bin/bash\necho "{name} $*" >>"$MACHINE/calls"\n{body}\n')
            (stubs / name).chmod(0o755)
        agent = self.root / "opt" / "aws" / "amazon-cloudwatch-agent" / "bin" / "amazon-cloudwatch-agent-ctl"
        agent.parent.mkdir(parents=True)
        agent.write_text('#!/bin/bash\necho "agent $*" >>"$MACHINE/calls"\n')
        agent.chmod(0o755)
        self.agent = agent
        self.script = folder / "boot.sh"
        self.script.write_text(BOOT.read_text().replace("@CONFIG@", "the-parameter"))

    def publish(self, version: str, *, broken: bool = False) -> None:
        """Publishes a version of the code for the next boot. `broken`: with a wrong hash."""
        config = {"BUNDLE": f"s3://assets/{version}.zip", "LOG_GROUP": "the-logs", "MODEL": "small.en", "QUEUE": "https://q"}
        (self.folder / "config.json").write_text(json.dumps(config))
        with zipfile.ZipFile(self.folder / "bundle.zip", "w") as bundle:
            for name in ("logrotate.conf", "cloudwatch-agent.json", *UNITS):
                bundle.write(WORKER / "bootstrap" / name, f"bootstrap/{name}")
            bundle.writestr("src/gpu_worker/version.txt", version)
            for name, (package, lock) in PACKAGES.items():
                text = _only(lock.read_text(), package)
                bundle.writestr(name, re.sub(r"sha256:\w{8}", "sha256:00000000", text) if broken else text)

    def boot(self) -> subprocess.CompletedProcess[str]:
        """Runs the boot script."""
        (self.folder / "calls").write_text("")
        path = f"{self.folder / 'stubs'}:{os.environ['PATH']}"
        env = {**os.environ, "PATH": path, "MACHINE": str(self.folder), "CHUNKSCRIBE_ROOT": str(self.root)}
        return subprocess.run(["bash", str(self.script)], env=env, capture_output=True, text=True, check=False)

    @property
    def calls(self) -> list[str]:
        """Calls of the stubs, in order."""
        return (self.folder / "calls").read_text().splitlines()

    @property
    def version(self) -> str | None:
        """The installed version of the code."""
        file = self.home / "code" / "src" / "gpu_worker" / "version.txt"
        return file.read_text() if file.exists() else None


def _only(lock: str, package: str) -> str:
    """The section of a package in a lockfile."""
    found = re.search(rf"^{package}==.*?(?=^\S|\Z)", lock, re.S | re.M) if package else None
    return found.group(0) if found else ""


@pytest.fixture(scope="module")
def machine(tmp_path_factory):
    """A machine that has booted once."""
    machine = Machine(tmp_path_factory.mktemp("machine"))
    machine.publish("one")
    first = machine.boot()
    assert first.returncode == 0, first.stderr
    return machine


def test_a_first_boot_installs_everything_that_the_worker_needs(machine):
    assert machine.version == "one"
    env = dict(line.split("=", 1) for line in (machine.home / "worker.env").read_text().splitlines())
    assert {
        "MODEL": "small.en",
        "QUEUE": "https://q",
        "INSTANCE_ID": "i-0123",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "CHUNKSCRIBE_MODELS": str(machine.home / "models"),
    }.items() <= env.items()
    assert "BUNDLE" not in env and "LOG_GROUP" not in env
    python = machine.home / "code" / ".venv" / "bin" / "python"
    assert subprocess.run([python, "-c", "import structlog"], check=False).returncode == 0
    for unit in UNITS:
        assert (machine.root / "etc" / "systemd" / "system" / unit).exists()


def test_the_deadline_is_set_before_anything_that_can_fail(machine):
    machine.boot()
    assert [call.split()[0] for call in machine.calls][:2] == ["systemctl", "systemd-run"]
    assert "5min" in machine.calls[1]


def test_a_boot_without_new_code_downloads_nothing(machine):
    assert machine.boot().returncode == 0
    assert not [call for call in machine.calls if call.startswith("aws s3")]
    assert "systemctl restart --no-block chunkscribe-worker" in machine.calls


def test_the_agent_is_configured_after_the_worker_and_is_optional(machine):
    machine.boot()
    config = json.loads((machine.home / "agent.json").read_text())
    files = config["logs"]["logs_collected"]["files"]["collect_list"]
    assert {one["log_group_name"] for one in files} == {"the-logs"}
    started = machine.calls.index("systemctl restart --no-block chunkscribe-worker")
    assert started < next(index for index, call in enumerate(machine.calls) if call.startswith("agent"))
    hidden = machine.agent.with_suffix(".gone")
    machine.agent.rename(hidden)
    try:
        without = machine.boot()
    finally:
        hidden.rename(machine.agent)
    assert without.returncode == 0 and "sends no metrics" in without.stdout


def test_new_code_is_installed_at_the_next_boot_and_broken_code_leaves_the_old_in_place(machine):
    machine.publish("two", broken=True)
    assert machine.boot().returncode != 0
    assert machine.version == "one"
    assert "systemctl restart --no-block chunkscribe-worker" not in machine.calls  # the deadline will switch the machine off
    machine.publish("two")
    assert machine.boot().returncode == 0
    assert machine.version == "two"


def test_an_interrupted_installation_starts_over(machine):
    machine.publish("three")
    (machine.folder / "no-bundle").touch()
    assert machine.boot().returncode != 0
    (machine.folder / "no-bundle").unlink()
    (machine.home / "code.new").mkdir(exist_ok=True)  # as an interrupted boot leaves it
    assert machine.boot().returncode == 0
    assert machine.version == "three"


def test_cudas_libraries_are_where_the_worker_looks_for_them(machine):
    [site] = (machine.home / "code" / ".venv" / "lib").glob("python3*/site-packages")
    for name in ("cublas", "cudnn"):
        (site / "nvidia" / name / "lib").mkdir(parents=True, exist_ok=True)
    assert machine.boot().returncode == 0
    [line] = [line for line in (machine.home / "worker.env").read_text().splitlines() if line.startswith("LD_LIBRARY_PATH")]
    assert line == f"LD_LIBRARY_PATH={site}/nvidia/cublas/lib:{site}/nvidia/cudnn/lib"


def test_systemd_accepts_the_units_and_restricts_the_worker():
    executable = shutil.which("systemd-analyze")
    assert executable, "systemd-analyze is missing: apt-get install -y systemd"

    def analyze(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([executable, *arguments], capture_output=True, text=True, check=False)

    security = analyze("security", "--no-pager", "--offline=true", "--threshold=40", str(WORKER / "bootstrap" / UNITS[0]))
    assert security.returncode == 0, security.stdout[-2000:] + security.stderr
    for unit in UNITS:
        verified = analyze("verify", "--man=no", str(WORKER / "bootstrap" / unit))
        assert [line for line in verified.stderr.splitlines() if unit in line and "is not executable" not in line] == []
