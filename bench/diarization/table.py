"""`python -m diarization.table`: measures speakers on conversations, and prints the rows as JSON lines."""

from __future__ import annotations

import argparse
import json
import resource
import sys
import time
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import numpy as np
from gpu_worker.speech.speakers import SpeakerModel, diarize
from quality.corpora import Missing

if find_spec("pyannote") is None or find_spec("spectralcluster") is None:
    sys.exit("packages of this measurement are missing: pip install pyannote.metrics==4.2.0 spectralcluster==0.2.22")

from diarization.conversations import Conversation, conversation, conversations
from diarization.methods import CHUNK_S, METHODS, chunks, whole
from diarization.scoring import Figures, figures
from diarization.voices import FLITE, REPORTED, TUNING

SETS: Final[dict[str, tuple[Sequence[str], range]]] = {
    "human voices": (tuple(REPORTED), range(5000, 5020)),
    "flite's voices": (FLITE, range(2000, 2010)),
    "voices of the settings": (tuple(TUNING), range(100, 125)),
}
MINUTES: Final = 4
HOUR_VOICES: Final = ("en", "it", "es-co")


def _row(what: str, method: str, found: Sequence[Figures], cpu_share: float) -> dict[str, object]:
    def share(values: Sequence[float]) -> str:
        return f"{100 * float(np.nanmean(values)):.1f}"

    return {
        "what": what,
        "method": method,
        "der": share([one.der for one in found]),
        "derCollar": share([one.der_collar for one in found]),
        "words": share([one.words for one in found]),
        "shortWords": share([one.short_words for one in found]),
        "count": f"{sum(one.speakers == 0 for one in found)} of {len(found)}",
        "cpu": f"{100 * cpu_share:.1f}",
    }


def _measured(model: SpeakerModel, what: str, method: str, made: Sequence[Conversation]) -> dict[str, object]:
    started = time.process_time()
    labels = [METHODS[method](model, one) for one in made]
    cpu_s = time.process_time() - started
    found = [figures(one, label) for one, label in zip(made, labels, strict=True)]
    return _row(what, method, found, cpu_s / sum(one.seconds for one in made))


def _resident_mb() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 1e6


def _hours(model: SpeakerModel) -> None:
    """One person for an hour."""
    for voice in HOUR_VOICES:
        made = conversation([voice], 3600, 7)
        counts = {name: len(set(method(model, made))) for name, method in (("whole", whole), ("30 s chunks", chunks))}
        print(json.dumps({"what": f"one person ({voice}) for an hour", "speakers": counts}), flush=True)


def _memory(model: SpeakerModel) -> None:
    """Memory of the process after each hour of chunks."""
    made = conversation(tuple(REPORTED)[:2], CHUNK_S, 7)
    resident = []
    for number in range(round(3 * 3600 / CHUNK_S) + 1):
        diarize(model, made.audio, made.words)
        if number % round(3600 / CHUNK_S) == 0:
            resident.append(round(_resident_mb()))
    print(json.dumps({"what": "memory at the start and after each of three hours of chunks", "residentMb": resident}), flush=True)


def main() -> None:
    """Reads the command line, measures, and prints the rows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--set", action="append", choices=sorted(SETS), help="repeatable; default: the first two")
    parser.add_argument("--method", action="append", choices=sorted(METHODS))
    parser.add_argument("--no-hours", action="store_true", help="without the hours of one person, and memory")
    args = parser.parse_args()
    model = SpeakerModel.load("ge2e")
    try:
        for name in args.set or list(SETS)[:2]:
            pool, seeds = SETS[name]
            made = conversations(pool, seeds, MINUTES * 60)
            for method in args.method or METHODS:
                print(json.dumps(_measured(model, name, method, made)), flush=True)
        if not args.no_hours:
            _memory(model)
            _hours(model)
    except Missing as missing:
        sys.exit(str(missing))


if __name__ == "__main__":
    main()
