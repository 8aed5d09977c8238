"""Transcribes a file with OpenAI's client and the service: `SERVICE_URL=http://127.0.0.1:8765 python openai-sdk.py FILE`"""

import os
import sys

from openai import OpenAI

client = OpenAI(base_url=f"{os.environ['SERVICE_URL']}/v1", api_key=os.environ.get("SERVICE_TOKEN", "none"))
with open(sys.argv[1], "rb") as file:
    transcription = client.audio.transcriptions.create(model="whisper-1", file=file)
print(transcription.text)
