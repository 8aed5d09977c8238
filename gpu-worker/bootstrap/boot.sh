#!/bin/bash
# Runs at every boot of the GPU machine: newest worker code and configuration, then the service. Each step can be repeated.
# A machine on which anything here fails switches itself off after a while: see the timer.
# Steps: deadline, what the image lacks, configuration, code, service, CloudWatch agent.
# Gotchas:
# - New code is made beside the old and put in its place when it is whole: a boot that ends in the middle begins it anew.
# - The agent comes last, and nothing waits for it: without it there are no graphs, but there is text.
set -euo pipefail

root=${CHUNKSCRIBE_ROOT:-} # tests: a folder that stands for the machine's file system
home=$root/opt/chunkscribe
logs=$root/var/log/chunkscribe
units=$root/etc/systemd/system
mkdir -p "$home" "$logs" "$units"
deadline=10min # the first boot installs packages and fetches the model
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

# CTranslate2 looks for CUDA's libraries by name, and Python's packages keep them in folders of their own.
libraries=$(printf '%s:' "$home"/code/.venv/lib/python3*/site-packages/nvidia/*/lib)
{
  jq -r 'del(.BUNDLE, .LOG_GROUP) | to_entries[] | "\(.key)=\(.value)"' "$home/config.json"
  echo "INSTANCE_ID=$instance"
  echo "AWS_DEFAULT_REGION=$AWS_DEFAULT_REGION"
  echo "HF_HOME=$home/models"
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
watch() {
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
watch || echo 'the CloudWatch agent does not run: no graphs and no logs of this machine'
