#!/bin/bash
# Prepares this version of the worker on the GPU machine, and starts it. Run by /opt/chunkscribe/boot (boothook.sh) at every boot.
#
# Steps, all repeatable: Python environment, model, start, copies for the other machines, cleanup.
# Gotchas:
# - An environment is named by the digest of its lock files and never changes. It comes from the disk, else from the stage's bucket,
#   else from the package index. Only the first machine of a stage asks the index and the model hub.
# - A version that must be installed from the index delays no work: the current version serves meanwhile if the stage accepts its
#   contract, and the new one is used from the next boot on. The current one also serves if the new one cannot be installed.
# - If nothing can be started, chunkscribe-deadline.timer switches the machine off.
set -euo pipefail

home=/opt/chunkscribe
code=$(cd "$(dirname "$0")/.." && pwd -P)
current=$(readlink -f "$home/current" || true)
models=$home/models
export HOME=/root AWS_RETRY_MODE=adaptive AWS_MAX_ATTEMPTS=8 CHUNKSCRIBE_MODELS=$models PYTHONPATH=$code/src

retry() { for pause in 1 2 4 8 16; do "$@" && return; sleep "$pause"; done; "$@"; }
config() { python3 -c 'import json, sys; print(json.load(open(sys.argv[1])).get(sys.argv[2], ""))' "$home/config.json" "$1"; }
object() { echo "s3://$(config BUCKET_NAME)/machine/$1.tar"; }
# store KEY FOLDER: copies a folder to the stage's bucket.
store() { nice tar -C "$(dirname "$2")" -c "$(basename "$2")" | nice aws s3 cp --only-show-errors - "$(object "$1")"; }
# restore KEY FOLDER: copies a folder from the stage's bucket into FOLDER, under its own name. Complete or not at all.
restore() {
  rm -rf "$2.restored" && mkdir -p "$2" "$2.restored" &&
    aws s3 cp --only-show-errors "$(object "$1")" - | tar -x -C "$2.restored" && mv -n "$2.restored"/* "$2/" && rm -rf "$2.restored"
}

locks=("$code"/requirements-{cloud,gpu}.txt)
key=$({ python3 --version; cat "${locks[@]}"; } | sha256sum | cut -c1-16)
environment=$home/environments/$key
build_environment() {
  if ! python3 -c 'import ensurepip, venv' 2>/dev/null; then
    local apt=(apt-get -qq -o DPkg::Lock::Timeout=120 -o Acquire::Retries=5)
    "${apt[@]}" update && DEBIAN_FRONTEND=noninteractive "${apt[@]}" install -y python3-venv || return
  fi
  mkdir -p "$home/environments" && rm -rf "$environment.new" && python3 -m venv "$environment.new" || return
  for lock in "${locks[@]}"; do
    "$environment.new/bin/python" -m pip install --quiet --disable-pip-version-check --retries 8 --require-hashes -r "$lock" || return
  done
  mv "$environment.new" "$environment"
}

can_serve() { [ -e "$1/bootstrap/start.sh" ] && [ "$(cat "$1/contract")" = "$(config CONTRACT)" ]; }
# start VERSION: makes it the current version.
start() {
  ln -sfn "$1" "$home/current"
  bash "$1/bootstrap/start.sh" "$(cat "$1/environment")"
}

serving=$code
if [ ! -d "$environment" ] && ! restore "environments/$key" "$home/environments"; then
  if [ "$current" != "$code" ] && can_serve "$current"; then
    echo "$current serves until the environment of $code is installed"
    serving=$current
    start "$serving"
  fi
  build_environment
fi
echo "$environment" >"$code/environment"

model=$(config MODEL)
model_key=models/${model//\//--}-$(sha256sum "$code"/src/gpu_worker/speech/models/models.json | cut -c1-8)
[ -e "$home/stored/$model_key" ] || restore "$model_key" "$models" || true
folder=$(retry "$environment/bin/python" -m gpu_worker find-model "$model") || folder= # the worker reports the reason
[ "$serving" != "$code" ] || start "$code"

keep_copy() {
  local mark=$home/stored/$1
  [ -e "$mark" ] || { store "$1" "$2" && mkdir -p "$(dirname "$mark")" && touch "$mark"; } || echo "no copy of $1"
}
keep_copy "environments/$key" "$environment"
[ -z "$folder" ] || keep_copy "$model_key" "$folder"

for version in "$home"/versions/*; do
  [ "$version" = "$code" ] || [ "$version" = "$serving" ] || rm -rf "$version"
done
for other in "$home"/environments/*; do
  [ "$other" = "$environment" ] || [ "$other" = "$(cat "$serving/environment")" ] || rm -rf "$other"
done
rm -rf "$home/code" "$home/bundle.url" # of earlier releases
