"""`python -m diarization.memory`: peak memory of the service's model process that transcribes long recordings with speakers.

Each recording is processed by a new process, as the service starts it. They differ only in their length: conversations of
ten minutes of the same people, one after the other.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import wave
from pathlib import Path
from typing import Final

from gpu_worker.service.model import lines
from gpu_worker.speech.models import find_model
from gpu_worker.speech.options import Options
from quality.corpora import SAMPLE_RATE, Missing

from diarization.conversations import conversation
from diarization.voices import FLITE

MINUTES: Final = (10, 60, 180)
PEOPLE: Final = ("en", *FLITE[:3])
"""Speakers of English, because an English model repeats decodes of other languages many times."""
PART_MINUTES: Final = 10


def _write(path: Path, minutes: int) -> None:
    """A WAV file of this length, written part by part."""
    samples = minutes * 60 * SAMPLE_RATE
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        for number in range(-(-minutes // PART_MINUTES)):
            audio = conversation(PEOPLE, PART_MINUTES * 60, 7000 + number).audio
            left = samples - file.tell()
            file.writeframes((audio[:left].clip(-1, 1) * 32_767).astype("<i2").tobytes())


def _measured(audio: Path, model: str, diarize: bool) -> dict[str, object]:
    """Memory and time of one new process, and the speakers that it detects."""
    result = audio.with_suffix(".json")
    env = {**os.environ, "MODEL": str(find_model(model).folder), "MODEL_NAME": model, "DEVICE": "cpu", "COMPUTE_TYPE": "int8"}
    command = [sys.executable, "-m", "gpu_worker.service.model.engine_process"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=env) as child:
        assert child.stdin is not None and child.stdout is not None
        ready = lines.RESPONSE.validate_json(child.stdout.readline())
        if not isinstance(ready, lines.Ready):
            sys.exit(f"the model process does not start: {ready}")
        began = time.monotonic()
        order = lines.Order(1, audio, result, model, Options(diarize="true" if diarize else None))
        child.stdin.write(lines.REQUEST.dump_json((order,)) + b"\n")
        child.stdin.close()
        peak_mb = 0
        for line in child.stdout:
            match lines.RESPONSE.validate_json(line):
                case lines.Idle(memory_mb):
                    peak_mb = memory_mb
                case lines.Failed(_, error):
                    sys.exit(f"the recording was not transcribed: {error}")
    segments = json.loads(result.read_text())["segments"]
    return {
        "peakMb": peak_mb,
        "processSeconds": round(time.monotonic() - began),
        "words": sum(len(segment["words"]) for segment in segments),
        "people": len(PEOPLE),
        "found": len({segment.get("speaker") for segment in segments}),
    }


def main() -> None:
    """Measures each length, and prints one JSON line for each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=int, action="append", help="repeatable; default: 10, 60 and 180")
    parser.add_argument("--model", default="tiny.en")
    parser.add_argument("--no-speakers", action="store_true", help="the same without speakers")
    args = parser.parse_args()
    try:
        for minutes in args.minutes or MINUTES:
            with tempfile.TemporaryDirectory() as folder:
                audio = Path(folder) / "recording.wav"
                _write(audio, minutes)
                print(json.dumps({"minutes": minutes, **_measured(audio, args.model, not args.no_speakers)}), flush=True)
    except Missing as missing:
        sys.exit(str(missing))


if __name__ == "__main__":
    main()
