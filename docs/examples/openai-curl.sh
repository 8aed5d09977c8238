#!/bin/sh
# Transcribes a file with curl and the service: SERVICE_URL=http://127.0.0.1:8765 sh openai-curl.sh FILE
set -eu
curl --fail-with-body --silent --show-error "$SERVICE_URL/v1/audio/transcriptions" \
  -H "Authorization: Bearer ${SERVICE_TOKEN:-none}" \
  -F model=whisper-1 -F response_format=text -F "file=@$1"
