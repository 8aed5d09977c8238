#!/bin/bash
# start.sh ENVIRONMENT: writes the worker's environment variables and units, and starts the worker and the CloudWatch agent.
# Run by boot.sh of this or of a newer version. Waits for none of the units.
set -euo pipefail

home=/opt/chunkscribe
units=/etc/systemd/system
code=$(cd "$(dirname "$0")/.." && pwd -P)
id -u chunkscribe >/dev/null 2>&1 || useradd --system --home-dir "$home" --shell /usr/sbin/nologin chunkscribe
mkdir -p "$home/models" /var/log/chunkscribe
chown -R chunkscribe: "$home/models" /var/log/chunkscribe

python3 - "$1" "$code" <<'END' >"$home/worker.env"
import glob, json, os, sys

environment, code = sys.argv[1:]
config = json.load(open("/opt/chunkscribe/config.json"))
variables = {name: value for name, value in config.items() if name not in ("BUNDLE", "CONTRACT", "LOG_GROUP", "WORKER_VERSION")}
variables |= {
    "WORKER_VERSION": os.path.basename(code)[:12],
    "INSTANCE_ID": os.environ["INSTANCE_ID"],
    "AWS_DEFAULT_REGION": os.environ["AWS_DEFAULT_REGION"],
    "CHUNKSCRIBE_MODELS": "/opt/chunkscribe/models",
    "PYTHONPATH": f"{code}/src",
    "WORKER_PYTHON": f"{environment}/bin/python",
    # CTranslate2 loads CUDA's libraries by name; the Python packages install them in separate folders.
    "LD_LIBRARY_PATH": ":".join(sorted(glob.glob(f"{environment}/lib/python3*/site-packages/nvidia/*/lib"))),
}
for name, value in variables.items():
    print(f"{name}={value}")
END

install -m 644 "$code"/bootstrap/chunkscribe-*.{service,path} "$units"
mkdir -p /etc/logrotate.d
install -m 644 "$code/bootstrap/logrotate.conf" /etc/logrotate.d/chunkscribe
systemctl daemon-reload
systemctl start --no-block chunkscribe-poweroff.path chunkscribe-worker
systemctl start --no-block chunkscribe-agent
