#!/bin/bash
# Runs at every boot of the GPU machine: newest worker code and configuration, then the service. Each step can be repeated.
# A machine on which anything here fails switches itself off after a while: see the timer.
set -euo pipefail

home=/opt/chunkscribe
mkdir -p "$home"
deadline=10min # the first boot installs packages and fetches the model
[ -d "$home/code" ] && deadline=5min
systemctl is-active --quiet chunkscribe-boot-deadline.timer \
  || systemd-run --on-active="$deadline" --unit=chunkscribe-boot-deadline /bin/sh -c 'systemctl is-active --quiet chunkscribe-worker || systemctl poweroff'

token=$(curl -sf -X PUT http://169.254.169.254/latest/api/token -H 'X-aws-ec2-metadata-token-ttl-seconds: 300')
metadata() { curl -sf -H "X-aws-ec2-metadata-token: $token" "http://169.254.169.254/latest/meta-data/$1"; }
AWS_DEFAULT_REGION=$(metadata placement/region)
export AWS_DEFAULT_REGION
id -u chunkscribe >/dev/null 2>&1 || useradd --system --home-dir "$home" --shell /usr/sbin/nologin chunkscribe

aws ssm get-parameter --name '@CONFIG@' --query Parameter.Value --output text >"$home/config.json"
bundle=$(jq -r .BUNDLE "$home/config.json")
{
  jq -r 'del(.BUNDLE) | to_entries[] | "\(.key)=\(.value)"' "$home/config.json"
  echo "INSTANCE_ID=$(metadata instance-id)"
  echo "AWS_DEFAULT_REGION=$AWS_DEFAULT_REGION"
  echo "HF_HOME=$home/models"
} >"$home/worker.env"

if [ "$(cat "$home/bundle.url" 2>/dev/null || true)" != "$bundle" ]; then
  rm -rf "$home/code.new"
  aws s3 cp --only-show-errors "$bundle" "$home/bundle.zip"
  python3 -m zipfile -e "$home/bundle.zip" "$home/code.new"
  python3 -m venv "$home/code.new/.venv"
  "$home/code.new/.venv/bin/pip" install --quiet --require-hashes -r "$home/code.new/requirements.txt"
  "$home/code.new/.venv/bin/pip" install --quiet --require-hashes -r "$home/code.new/requirements-speakers.txt"
  "$home/code.new/.venv/bin/pip" install --quiet nvidia-cublas-cu12 nvidia-cudnn-cu12
  rm -rf "$home/code" && mv "$home/code.new" "$home/code"
  echo "$bundle" >"$home/bundle.url"
fi
mkdir -p "$home/models" && chown -R chunkscribe: "$home/models"

echo 'chunkscribe ALL=(root) NOPASSWD: /usr/bin/systemctl poweroff' >/etc/sudoers.d/chunkscribe
install -m 644 "$home/code/bootstrap/chunkscribe-worker.service" /etc/systemd/system/
systemctl daemon-reload
systemctl restart --no-block chunkscribe-worker
