#!/usr/bin/env bash
# Installs the service on this machine (Linux with systemd): sudo gpu-worker/service/install.sh
# Settings, such as MODEL=small.en or SERVICE_TOKEN=…, go into /etc/chunkscribe/service.env; docs/service.md lists them all.
set -euo pipefail
here="$(cd "$(dirname "$0")/.." && pwd)"
[ "$(id -u)" = 0 ] || { echo "run it as root: sudo $0" >&2; exit 1; }
id chunkscribe >/dev/null 2>&1 || useradd --system --home-dir /var/lib/chunkscribe --shell /usr/sbin/nologin chunkscribe
install -d /opt/chunkscribe /etc/chunkscribe
rm -rf /opt/chunkscribe/src
cp -r "$here/src" /opt/chunkscribe/src
[ -x /opt/chunkscribe/venv/bin/python ] || python3 -m venv /opt/chunkscribe/venv
/opt/chunkscribe/venv/bin/pip install -q --require-hashes -r "$here/requirements-serve.txt"
[ -e /etc/chunkscribe/service.env ] || install -m 640 -g chunkscribe /dev/null /etc/chunkscribe/service.env
install -m 644 "$here/service/chunkscribe-service.service" /etc/systemd/system/
systemctl daemon-reload
systemctl enable --now chunkscribe-service
echo "The service is running: curl http://127.0.0.1:8765/health"
