#!/bin/bash
# Installs the CloudWatch agent if it is missing, and starts it with the configuration of the stage.
set -euo pipefail

home=/opt/chunkscribe
agent=/opt/aws/amazon-cloudwatch-agent/bin/amazon-cloudwatch-agent-ctl
region=$(sed -n 's/^AWS_DEFAULT_REGION=//p' "$home/worker.env")
if [ ! -x "$agent" ]; then
  curl -sf --retry 5 --retry-all-errors -o "$home/agent.deb" \
    "https://amazoncloudwatch-agent-$region.s3.$region.amazonaws.com/ubuntu/amd64/latest/amazon-cloudwatch-agent.deb"
  dpkg -i "$home/agent.deb"
  rm -f "$home/agent.deb"
fi
python3 - <<'END' >"$home/agent.json"
import json

home = "/opt/chunkscribe"
config = json.load(open(f"{home}/current/bootstrap/cloudwatch-agent.json"))
for file in config["logs"]["logs_collected"]["files"]["collect_list"]:
    file["log_group_name"] = json.load(open(f"{home}/config.json"))["LOG_GROUP"]
print(json.dumps(config))
END
"$agent" -a fetch-config -m ec2 -s -c "file:$home/agent.json"
