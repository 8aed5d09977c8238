"""`python -m diarization.table`: measures speakers on conversations, and prints the rows as JSON lines."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from importlib.util import find_spec
from typing import Final

import numpy as np
from gpu_worker.speech.speakers import SpeakerModel, speaker_catalogue
from quality.corpora import Missing

if find_spec("pyannote") is None or find_spec("spectralcluster") is None:
    sys.exit("packages of this measurement are missing; this installs them: npm run bench -- diarization")

from diarization.conversations import Conversation, conversation, conversations
from diarization.methods import METHODS, chunks, whole
from diarization.scoring import Figures, figures
from diarization.voices import FLITE, REPORTED, TUNING

SETS: Final[dict[str, tuple[Sequence[str], range]]] = {
    "human voices": (tuple(REPORTED), range(5000, 5030)),
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


def _hours(model: SpeakerModel) -> None:
    """One person for an hour."""
    for voice in HOUR_VOICES:
        made = conversation([voice], 3600, 7)
        counts = {name: len(set(method(model, made))) for name, method in (("whole", whole), ("30 s chunks", chunks))}
        print(json.dumps({"what": f"one person ({voice}) for an hour", "speakers": counts}), flush=True)


def main() -> None:
    """Reads the command line, measures, and prints the rows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--set", action="append", choices=sorted(SETS), help="repeatable; default: the first two")
    parser.add_argument("--method", action="append", choices=sorted(METHODS))
    parser.add_argument("--model", default=speaker_catalogue().default, help="of all methods but the peer")
    parser.add_argument("--no-hours", action="store_true", help="without the hours of one person")
    args = parser.parse_args()
    model = SpeakerModel.load(args.model)
    try:
        for name in args.set or list(SETS)[:2]:
            pool, seeds = SETS[name]
            made = conversations(pool, seeds, MINUTES * 60)
            for method in args.method or METHODS:
                print(json.dumps(_measured(model, name, method, made)), flush=True)
        if not args.no_hours:
            _hours(model)
    except Missing as missing:
        sys.exit(str(missing))


if __name__ == "__main__":
    main()
