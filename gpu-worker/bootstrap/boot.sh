#!/bin/bash
# Runs at every boot of the GPU machine: installs the newest worker code and configuration, then starts the worker.
# Steps, all repeatable: deadline, missing packages, configuration, code, units, CloudWatch agent.
# Gotchas:
# - If any step fails, the deadline's timer switches the machine off, because the worker is not active by then.
# - New code is installed beside the old and moved into place when it is complete; an interrupted boot starts it over.
# - The agent is optional and starts last: without it the machine sends no metrics and logs, but transcribes.
set -euo pipefail

root=${CHUNKSCRIBE_ROOT:-} # for tests: a folder used as the machine's file system
home=$root/opt/chunkscribe
logs=$root/var/log/chunkscribe
units=$root/etc/systemd/system
mkdir -p "$home" "$logs" "$units"
deadline=10min # the first boot installs packages
[ -d "$home/code" ] && deadline=5min
systemctl is-active --quiet chunkscribe-boot-deadline.timer \
  || systemd-run --on-active="$deadline" --unit=chunkscribe-boot-deadline /bin/sh -c 'systemctl is-active --quiet chunkscribe-worker || systemctl poweroff'

lacking=()
command -v jq >/dev/null || lacking+=(jq)
python3 -c 'import ensurepip, venv' 2>/dev/null || lacking+=(python3-venv)
if [ "${#lacking[@]}" -gt 0 ]; then
  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "${lacking[@]}"
fi

token=$(curl -sf -X PUT http://169.254.169.254/latest/api/token -H 'X-aws-ec2-metadata-token-ttl-seconds: 300')
metadata() { curl -sf -H "X-aws-ec2-metadata-token: $token" "http://169.254.169.254/latest/meta-data/$1"; }
AWS_DEFAULT_REGION=$(metadata placement/region)
instance=$(metadata instance-id)
export AWS_DEFAULT_REGION
id -u chunkscribe >/dev/null 2>&1 || useradd --system --home-dir "$home" --shell /usr/sbin/nologin chunkscribe

aws ssm get-parameter --name '@CONFIG@' --query Parameter.Value --output text >"$home/config.json"
bundle=$(jq -r .BUNDLE "$home/config.json")

if [ "$(cat "$home/bundle.url" 2>/dev/null || true)" != "$bundle" ]; then
  rm -rf "$home/code.new"
  aws s3 cp --only-show-errors "$bundle" "$home/bundle.zip"
  python3 -m zipfile -e "$home/bundle.zip" "$home/code.new"
  python3 -m venv "$home/code.new/.venv"
  for packages in requirements requirements-speakers requirements-gpu; do
    "$home/code.new/.venv/bin/pip" install --quiet --disable-pip-version-check --require-hashes -r "$home/code.new/$packages.txt"
  done
  rm -rf "$home/code" && mv "$home/code.new" "$home/code"
  echo "$bundle" >"$home/bundle.url"
  rm -f "$home/bundle.zip"
fi

# CTranslate2 loads CUDA's libraries by name; the Python packages install them in separate folders.
libraries=$(printf '%s:' "$home"/code/.venv/lib/python3*/site-packages/nvidia/*/lib)
{
  jq -r 'del(.BUNDLE, .LOG_GROUP) | to_entries[] | "\(.key)=\(.value)"' "$home/config.json"
  echo "INSTANCE_ID=$instance"
  echo "AWS_DEFAULT_REGION=$AWS_DEFAULT_REGION"
  echo "CHUNKSCRIBE_MODELS=$home/models"
  echo "HF_HOME=$home/models" # finds models that earlier versions downloaded
  echo "LD_LIBRARY_PATH=${libraries%:}"
} >"$home/worker.env"
mkdir -p "$home/models"
chown -R chunkscribe: "$home/models" "$logs"

install -m 644 "$home"/code/bootstrap/chunkscribe-*.{service,path} "$units"
mkdir -p "$root/etc/logrotate.d"
install -m 644 "$home/code/bootstrap/logrotate.conf" "$root/etc/logrotate.d/chunkscribe"
systemctl daemon-reload
systemctl restart --no-block chunkscribe-poweroff.path
systemctl restart --no-block chunkscribe-worker

agent=$root/opt/aws/amazon-cloudwatch-agent
start_agent() {
  if [ ! -x "$agent/bin/amazon-cloudwatch-agent-ctl" ]; then
    curl -sf -o "$home/agent.deb" \
      "https://amazoncloudwatch-agent-$AWS_DEFAULT_REGION.s3.$AWS_DEFAULT_REGION.amazonaws.com/ubuntu/amd64/latest/amazon-cloudwatch-agent.deb"
    dpkg -i "$home/agent.deb"
    rm -f "$home/agent.deb"
  fi
  jq --arg group "$(jq -r .LOG_GROUP "$home/config.json")" '.logs.logs_collected.files.collect_list[].log_group_name = $group' \
    "$home/code/bootstrap/cloudwatch-agent.json" >"$home/agent.json"
  "$agent/bin/amazon-cloudwatch-agent-ctl" -a fetch-config -m ec2 -s -c "file:$home/agent.json"
}
start_agent || echo 'the CloudWatch agent is not running: this machine sends no metrics and no logs'
