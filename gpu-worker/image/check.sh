#!/bin/bash
# Checks the image: that it has everything that the boot scripts and units use, and that its driver works. Run by EC2 Image Builder
# on the machine that builds the image, after its restart, and on a new machine from the image. Both have a GPU.
set -euo pipefail

# test/template/image.test.ts compares this list with the boot scripts and units.
commands=(
  apt-get aws basename bash cat chmod chown curl cut dirname dpkg env id install ln logrotate mkdir mv nice nvidia-modprobe
  nvidia-smi python3 readlink rm sed sh sha256sum sleep systemctl tar touch useradd
)
agent=/opt/aws/amazon-cloudwatch-agent/bin/amazon-cloudwatch-agent-ctl
most_used_gb=8 # OWN_IMAGE.usedGb in core/contracts/machines.ts

missing=()
for name in "${commands[@]}" "$agent"; do
  command -v "$name" >/dev/null || missing+=("$name")
done
[ ${#missing[@]} = 0 ] || { echo "missing: ${missing[*]}" >&2; exit 1; }

python3 -c 'import ensurepip, sys, venv; assert sys.version_info >= (3, 11), sys.version'
aws --version
nvidia-modprobe -c 0 -u
nvidia-smi --persistence-mode=1
nvidia-smi --query-gpu=name,driver_version --format=csv

used_gb=$(df --output=used -BG / | tail -n 1 | tr -dc '0-9')
echo "$used_gb GB used"
[ "$used_gb" -le "$most_used_gb" ] || { echo "the image uses more than $most_used_gb GB" >&2; exit 1; }
