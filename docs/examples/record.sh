#!/bin/sh
# Sends recorded chunks with curl and prints the text: CHUNKSCRIBE_URL=… CHUNKSCRIBE_TOKEN=… sh record.sh CHUNK_FILE…
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

must /api/sessions '{"title": "Example"}'
session=$(field id)
number=0
for chunk in "$@"; do
  number=$((number + 1))
  body='{"chunkNumber": '$number', "contentType": "audio/webm", "sizeBytes": '$(($(wc -c < "$chunk")))'}'
  must "/api/sessions/$session/chunks" "$body"
  # The upload needs exactly the returned headers; curl sets the length itself.
  python3 -c 'import json, sys; [print(f"{name}: {value}") for name, value in json.load(sys.stdin)["upload"]["headers"].items() if name != "content-length"]' \
    < "$work/answer" > "$work/headers"
  curl --fail --silent --show-error --retry 5 -H "@$work/headers" --upload-file "$chunk" "$(field upload url)"
done
must "/api/sessions/$session/complete" '{"chunkCount": '$number'}'
while :; do
  status=$(call "/api/sessions/$session/transcript")
  case $status in
    200) [ "$(field final)" = False ] || break ;;
    409) ;; # no text yet
    *) fail ;;
  esac
  sleep 1
done
field text
