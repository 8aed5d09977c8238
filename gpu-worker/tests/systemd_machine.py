"""A GPU machine on this one: a real systemd as PID 1 of new namespaces, over a copy-on-write root that is thrown away.

Real: systemd and Debian's units, bash, curl, tar, pip, Python, files and users. Stand-ins: cloud-init (its unit, ordered as
on Ubuntu 24.04, runs the boothook), the instance metadata service (HTTP, at its real address), the AWS CLI (a folder for S3
and SSM), NVIDIA's tools and the CloudWatch agent. The machine has no network except its own loopback. Needs root and
Debian's systemd.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

SETUP = r"""
set -e
base=$1 python=$2
mount --make-rprivate /
mount -t tmpfs tmpfs "$base"
mkdir -p "$base"/upper "$base"/work "$base"/root
mount -t overlay overlay -o "lowerdir=/,upperdir=$base/upper,workdir=$base/work" "$base/root"
cd "$base/root"
mkdir -p opt/python
mount --bind "$python" opt/python
rm -rf etc/systemd/system opt/chunkscribe var/log/chunkscribe run/*
mkdir -p etc/systemd/system
for unit in systemd-udevd.service systemd-udev-trigger.service systemd-udevd-control.socket systemd-udevd-kernel.socket \
  getty.target systemd-logind.service dbus.service dbus.socket systemd-resolved.service systemd-firstboot.service \
  systemd-remount-fs.service; do
  ln -s /dev/null "etc/systemd/system/$unit"
done
: >etc/fstab
mkdir -p etc/systemd/system.conf.d
echo "[Manager]
DefaultEnvironment=PATH=/usr/local/bin:/opt/python/bin:$PATH" >etc/systemd/system.conf.d/path.conf
echo /opt/python/lib >etc/ld.so.conf.d/python.conf # for workers, which do not see /root
chroot . ldconfig
echo ready
exec sleep infinity
"""
BOOT = r"""
set -e
root=$1 cgroup=$2
echo $$ >"$cgroup/cgroup.procs"
exec unshare --cgroup --pid --net --mount --ipc --uts --fork --kill-child bash -ec '
  cd "$0"
  mount -t proc proc proc
  mount -t sysfs -o ro sysfs sys
  mount -t cgroup2 cgroup2 sys/fs/cgroup
  mount -t tmpfs tmpfs run
  mount -t tmpfs tmpfs tmp
  mount -t tmpfs -o mode=755 tmpfs dev
  mkdir dev/pts dev/shm
  mount -t devpts -o newinstance,ptmxmode=666 devpts dev/pts
  mount -t tmpfs tmpfs dev/shm
  ln -s pts/ptmx dev/ptmx
  for device in "null 1 3" "zero 1 5" "full 1 7" "random 1 8" "urandom 1 9" "tty 5 0"; do
    mknod -m 666 dev/${device%% *} c ${device#* }
  done
  ln -s /proc/self/fd dev/fd
  exec env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin container=docker \
    chroot . /lib/systemd/systemd --system --unit=multi-user.target --log-target=null
' "$root"
"""
CLOUD_INIT = """
[Unit]
Description=Cloud-init: Network Stage (stand-in)
DefaultDependencies=no
After=metadata.service
Wants=metadata.service
Before=network-online.target
Before=sysinit.target
Before=shutdown.target
Conflicts=shutdown.target
[Service]
Type=oneshot
ExecStart=/var/lib/cloud/boothook
RemainAfterExit=yes
TimeoutSec=0
StandardOutput=append:/var/log/cloud-init-output.log
StandardError=append:/var/log/cloud-init-output.log
"""
METADATA_UNIT = """
[Unit]
DefaultDependencies=no
Before=cloud-init.service
[Service]
Type=notify
NotifyAccess=all
ExecStart=/opt/python/bin/python3 /var/lib/cloud/metadata.py
"""
METADATA = """
import fcntl, http.server, os, socket, struct
def request(address): return struct.pack("16sH2x4s8x", b"lo:aws", socket.AF_INET, socket.inet_aton(address))
control = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
fcntl.ioctl(control, 0x8916, request("169.254.169.254"))
FACTS = {"/latest/meta-data/placement/region": "eu-west-1", "/latest/meta-data/instance-id": "i-0123"}
class Handler(http.server.BaseHTTPRequestHandler):
    def _send(self, text):
        self.send_response(200 if text else 404); self.end_headers(); self.wfile.write(text.encode())
    def do_PUT(self): self._send("token")
    def do_GET(self): self._send(FACTS.get(self.path, "") if self.headers["X-aws-ec2-metadata-token"] == "token" else "")
    def log_message(self, *_): pass
server = http.server.HTTPServer(("169.254.169.254", 80), Handler)
with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify: notify.sendto(b"READY=1", os.environ["NOTIFY_SOCKET"])
server.serve_forever()
"""
AWS = r"""#!/bin/bash
echo "$*" >>/aws/calls
[ ! -e /aws/down ] || { echo "an error occurred (503)" >&2; exit 255; }
case "$1 $2" in
  "ssm get-parameter") cat /aws/parameter ;;
  "s3 cp")
    from=${@: -2:1} to=${@: -1}
    object() { echo "/aws/${1#s3://}"; }
    if [ "$to" = - ]; then
      cat "$(object "$from")"
    elif [ "$from" = - ]; then
      mkdir -p "$(dirname "$(object "$to")")"
      cat >/aws/part && mv /aws/part "$(object "$to")"
    else
      cp "$(object "$from")" "$to"
    fi ;;
  *) echo "unknown command: $*" >&2; exit 2 ;;
esac
"""
TOOL = '#!/bin/bash\necho "$(basename "$0") $*" >>/aws/tools\n'
POLL_SECONDS = 0.1


def missing_here() -> str | None:
    """Why no machine can be started here; None if one can."""
    if os.geteuid() != 0:
        return "run this test as root: it starts a real systemd in namespaces"
    if not Path("/lib/systemd/systemd").exists() or shutil.which("unshare") is None:
        return "systemd is missing: apt-get install -y systemd util-linux"
    return None


class SystemdMachine:
    """One machine. Its disk keeps its content from boot to boot; `close` removes it."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        self.folder = folder
        self._disk = subprocess.Popen(
            ["unshare", "--mount", "bash", "-c", SETUP, "setup", str(folder), sys.base_prefix],
            env={"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert self._disk.stdout is not None
        line = self._disk.stdout.readline()
        assert line == "ready\n", line + self._disk.stdout.read()
        self.root = Path(f"/proc/{self._disk.pid}/root{folder}/root")
        self._systemd: subprocess.Popen[bytes] | None = None
        self._cgroup: Path | None = None
        for name, text in (("cloud-init.service", CLOUD_INIT), ("metadata.service", METADATA_UNIT)):
            self.write(f"/etc/systemd/system/{name}", text)
        wants = self.root / "etc/systemd/system/multi-user.target.wants"
        wants.mkdir()
        (wants / "cloud-init.service").symlink_to("/etc/systemd/system/cloud-init.service")
        self.write("/var/lib/cloud/metadata.py", METADATA)
        self.write("/usr/local/bin/aws", AWS, executable=True)
        for name in ("nvidia-modprobe", "nvidia-smi"):
            self.write(f"/usr/bin/{name}", TOOL, executable=True)
        self.write("/opt/aws/amazon-cloudwatch-agent/bin/amazon-cloudwatch-agent-ctl", TOOL, executable=True)
        (self.root / "aws").mkdir()

    def path(self, path: str) -> Path:
        """The file of the machine, seen from here."""
        return self.root / path.lstrip("/")

    def write(self, path: str, text: str, *, executable: bool = False) -> None:
        """Writes a file of the machine."""
        file = self.path(path)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.unlink(missing_ok=True)
        file.write_text(text)
        if executable:
            file.chmod(0o755)

    def read(self, path: str) -> str:
        """Text of a file of the machine; empty if it does not exist."""
        file = self.path(path)
        return file.read_text() if file.exists() else ""

    def boot(self, boothook: str) -> None:
        """Starts systemd, whose stand-in of cloud-init runs the boothook."""
        assert self._systemd is None
        self.write("/var/lib/cloud/boothook", boothook, executable=True)
        mounted = subprocess.run(
            ["findmnt", "-n", "-o", "TARGET", "-t", "cgroup2"], capture_output=True, text=True, check=True
        )
        self._cgroup = Path(mounted.stdout.split()[0]) / f"chunkscribe-{os.getpid()}-{self._disk.pid}"
        self._cgroup.mkdir()
        inside = ["nsenter", "--mount", f"--target={self._disk.pid}"]
        with (self.folder.parent / f"{self.folder.name}.console").open("ab") as console:
            self._systemd = subprocess.Popen(
                [*inside, "bash", "-c", BOOT, "boot", f"{self.folder}/root", str(self._cgroup)],
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=console,
            )
        self.wait_until(lambda: self.systemctl("is-system-running") not in ("", "offline"), "systemd runs")

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Runs a command on the machine."""
        assert self._systemd is not None
        children = Path(f"/proc/{self._systemd.pid}/task/{self._systemd.pid}/children").read_text().split()
        if not children:
            return subprocess.CompletedProcess(command, 1, "", "the machine is not up")
        enter = [
            "nsenter",
            f"--target={children[0]}",
            "--mount",
            "--pid",
            "--net",
            "--ipc",
            "--uts",
            "--cgroup",
            "--root",
            "--wd",
        ]
        return subprocess.run([*enter, *command], capture_output=True, text=True, check=False)

    def systemctl(self, *arguments: str) -> str:
        """Output of systemctl."""
        return self.run("systemctl", "--no-pager", *arguments).stdout.strip()

    def is_active(self, unit: str) -> bool:
        """Whether a unit is active."""
        return self.systemctl("is-active", unit) == "active"

    def jobs(self) -> str:
        """Jobs that systemd has queued; empty if none waits."""
        listed = self.systemctl("list-jobs", "--no-legend")
        return "" if listed.startswith("No jobs") else listed

    def wait_until(self, condition: Callable[[], object], reason: str, seconds: float = 60) -> None:
        """Polls until the condition holds. Raises AssertionError with the machine's state after the deadline."""
        until = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > until:
                log = (
                    self.read("/var/log/chunkscribe/boot.log")[-3000:] + self.read("/var/log/cloud-init-output.log")[-2000:]
                )
                raise AssertionError(f"{reason}: not within {seconds} s\n{self.jobs()}\n{log}")
            time.sleep(POLL_SECONDS)

    def has_stopped(self) -> bool:
        """Whether systemd has ended by itself."""
        return self._systemd is not None and self._systemd.poll() is not None

    def off(self) -> None:
        """Switches the machine off without a shutdown; the disk keeps its content."""
        if self._systemd is None:
            return
        self._systemd.kill()
        self._systemd.wait()
        self._systemd = None
        assert self._cgroup is not None
        (self._cgroup / "cgroup.kill").write_text("1")
        until = time.monotonic() + 30
        for cgroup in [*sorted(self._cgroup.rglob("*/"), reverse=True), self._cgroup]:
            if not cgroup.is_dir():
                continue
            while True:
                try:
                    cgroup.rmdir()
                    break
                except OSError:  # its processes have not ended yet
                    assert time.monotonic() < until
                    time.sleep(POLL_SECONDS)

    def close(self) -> None:
        """Switches the machine off and removes its disk."""
        self.off()
        self._disk.kill()
        self._disk.wait()
