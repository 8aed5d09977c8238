#!/bin/sh
# Sends a file of up to 16 MiB with curl and prints its text: CHUNKSCRIBE_URL=… CHUNKSCRIBE_TOKEN=… sh transcribe.sh FILE CONTENT_TYPE
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Calls the API: the body goes to $work/answer, the status to stdout. curl retries transient errors.
call() {
  curl --silent --show-error --retry 5 --output "$work/answer" --write-out '%{http_code}' \
    -H "Authorization: Bearer $CHUNKSCRIBE_TOKEN" -H "Content-Type: application/json" "$CHUNKSCRIBE_URL$1" ${2:+-d "$2"}
}
field() { python3 -c 'import functools, json, sys; print(functools.reduce(dict.get, sys.argv[1:], json.load(sys.stdin)))' "$@" < "$work/answer"; }
fail() { echo "$(field detail)" >&2; exit 1; }
must() {
  status=$(call "$@") || exit 1
  [ "$status" -lt 300 ] || fail
}

body='{"filename": "'$(basename "$1")'", "contentType": "'$2'", "sizeBytes": '$(($(wc -c < "$1")))'}'
must /api/transcriptions "$body"
job=$(field id)
# The upload needs exactly the returned headers; curl sets the length itself.
python3 -c 'import json, sys; [print(f"{name}: {value}") for name, value in json.load(sys.stdin)["upload"]["headers"].items() if name != "content-length"]' \
  < "$work/answer" > "$work/headers"
curl --fail --silent --show-error --retry 5 -H "@$work/headers" --upload-file "$1" "$(field upload url)"
must "/api/transcriptions/$job/upload-complete" '{}'
while :; do
  must "/api/transcriptions/$job/status"
  case $(field status) in
    completed) break ;;
    pending | processing) echo "$(field progress) % $(field stage)" >&2 ;;
    *) echo "$(field error)" >&2; exit 1 ;;
  esac
  sleep 2
done
must "/api/transcriptions/$job/transcript?format=txt"
cat "$work/answer"
