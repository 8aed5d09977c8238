#!/bin/bash
# Installs what the boot scripts and units use and Ubuntu 24.04 lacks: NVIDIA's driver, the AWS CLI, the CloudWatch agent and venv.
# Run as root by EC2 Image Builder (lib/machine-image.ts), which then restarts the machine and runs check.sh.
#
# Gotchas:
# - The driver's modules are precompiled for one kernel, and their package may install a newer one. It runs after the restart.
# - Automatic updates are off: they would replace the driver's libraries while its module stays loaded, so that CUDA fails until
#   the next boot, and they would use the machine's first minutes. To update the packages, build the image again.
set -euo pipefail

driver=580-server
export DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1 # a restart of the SSM agent would end this script
apt=(apt-get -qq -o DPkg::Lock::Timeout=300 -o Acquire::Retries=5 -o Dpkg::Options::=--force-confold)
download() { curl -sSf --retry 5 --retry-all-errors -o "$1" "$2"; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cloud-init status --wait || [ $? = 2 ] # writes the package sources; 2: done, with warnings
systemctl disable --now apt-daily.timer apt-daily-upgrade.timer

"${apt[@]}" update
"${apt[@]}" dist-upgrade -y
# No DKMS: the machine has neither compilers nor kernel headers. The open modules support every type from g4dn on.
"${apt[@]}" install -y --no-install-recommends "linux-modules-nvidia-$driver-open-aws" "nvidia-headless-no-dkms-$driver-open" \
  "nvidia-utils-$driver" nvidia-modprobe python3-venv unzip

download "$work/aws.zip" https://awscli.amazonaws.com/awscli-exe-linux-x86_64.zip # Ubuntu 24.04 has no package of it
unzip -q "$work/aws.zip" -d "$work"
"$work/aws/install"

download "$work/agent.deb" https://amazoncloudwatch-agent.s3.amazonaws.com/ubuntu/amd64/latest/amazon-cloudwatch-agent.deb
dpkg -i "$work/agent.deb"

"${apt[@]}" clean
rm -rf /var/lib/apt/lists/*
