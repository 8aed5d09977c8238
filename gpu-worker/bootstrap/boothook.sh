#!/bin/bash
# User data of the GPU machine, run by cloud-init at every boot: installs the boot units, starts them, and returns at once.
# Gotchas:
# - cloud-init runs this before sysinit.target. A systemctl call that waits for a job, or any systemd-run, would wait for ever.
# - EC2 stops a machine to change its user data. Everything that changes with a version is in the bundle, not here.
set -euo pipefail

home=/opt/chunkscribe
units=/etc/systemd/system
mkdir -p "$home" /var/log/chunkscribe
echo '@CONFIG@' >"$home/config-name"

cat >"$home/boot" <<'END'
#!/bin/bash
# Reads the stage's configuration, fetches its code, and runs the code's boot script. What cannot be fetched stays as it was.
set -euo pipefail
home=/opt/chunkscribe
export AWS_RETRY_MODE=adaptive AWS_MAX_ATTEMPTS=8
retry() { for pause in 1 2 4 8 16; do "$@" && return; sleep "$pause"; done; "$@"; }
metadata() {
  local url=http://169.254.169.254/latest token
  token=$(curl -sf --max-time 5 -X PUT "$url/api/token" -H 'X-aws-ec2-metadata-token-ttl-seconds: 300') &&
    curl -sf --max-time 5 -H "X-aws-ec2-metadata-token: $token" "$url/meta-data/$1"
}
AWS_DEFAULT_REGION=$(retry metadata placement/region)
INSTANCE_ID=$(retry metadata instance-id)
export AWS_DEFAULT_REGION INSTANCE_ID
read_config() { aws ssm get-parameter --name "$(cat "$home/config-name")" --query Parameter.Value --output text >"$home/config.new"; }
{ retry read_config && mv "$home/config.new" "$home/config.json"; } || [ -e "$home/config.json" ]

bundle=$(python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["BUNDLE"])' "$home/config.json")
version=$(basename "$bundle" .zip)
code=$home/versions/$version
fetch() {
  rm -rf "$code.new" && mkdir -p "$home/versions" &&
    aws s3 cp --only-show-errors "$bundle" "$home/bundle.zip" &&
    python3 -m zipfile -e "$home/bundle.zip" "$code.new" &&
    rm "$home/bundle.zip" && mv "$code.new" "$code"
}
[ -d "$code" ] || retry fetch || code=$home/current
exec bash "$code/bootstrap/boot.sh"
END
chmod 755 "$home/boot"

cat >"$units/chunkscribe-boot.service" <<'END'
[Unit]
Description=Fetches and starts the Chunkscribe worker
Wants=network-online.target
After=network-online.target

[Service]
Type=oneshot
ExecStart=/opt/chunkscribe/boot
StandardOutput=append:/var/log/chunkscribe/boot.log
StandardError=append:/var/log/chunkscribe/boot.log
END

cat >"$units/chunkscribe-deadline.timer" <<'END'
[Unit]
Description=Switches the machine off if the Chunkscribe worker is not active by then
DefaultDependencies=no

[Timer]
OnBootSec=10min
AccuracySec=1s
END

cat >"$units/chunkscribe-deadline.service" <<'END'
[Unit]
Description=Switches the machine off if the Chunkscribe worker is not active
DefaultDependencies=no

[Service]
Type=oneshot
ExecStart=/bin/sh -c 'systemctl is-active --quiet chunkscribe-worker || systemctl --no-block poweroff'
END

systemctl daemon-reload
systemctl start --no-block chunkscribe-deadline.timer chunkscribe-boot.service
