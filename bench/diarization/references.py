"""`python -m diarization.references`: how often speakers of a conversation are found by reference clips of their voices.

Each conversation is processed as a file. The reference clips are not in it, and are clean, while most conversations are not.
Half of the references belong to people who do not speak in the conversation.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from typing import Final
from unittest.mock import patch

import numpy as np
from gpu_worker.speech.speakers import SpeakerModel, diarize, speaker_catalogue, speakers_of
from gpu_worker.speech.speakers.known import LEAST_SIMILARITY, mean_voices, reference_vector, similarities_of
from quality.corpora import SAMPLE_RATE, Audio, Missing

from diarization import conversations
from diarization.voices import FLITE, REPORTED, TUNING, clips

SETS: Final = {"human voices": tuple(REPORTED), "voices of the settings": tuple(TUNING), "flite's voices": FLITE}
LENGTHS_S: Final = (2.0, 5.0, 10.0)
THRESHOLDS: Final = tuple(round(0.6 + 0.02 * step, 2) for step in range(15))
LEAST_SECONDS: Final = 2.5
"""Speakers who say less are left out."""


def _spoken(voice: str) -> tuple[Audio, ...]:
    """The clips that a conversation is made of: every second one."""
    return clips(voice)[::2]


def _reference(voice: str, seconds: float, random: np.random.Generator) -> Audio:
    """Other clips of a voice, joined to this length."""
    others = clips(voice)[1::2]
    length, made = 0, []
    while length < seconds * SAMPLE_RATE:
        made.append(others[random.integers(len(others))])
        length += len(made[-1])
    return np.concatenate(made)[: round(seconds * SAMPLE_RATE)]


def measured(model: SpeakerModel, pool: tuple[str, ...], seeds: range, minutes: float) -> list[tuple[bool, bool, float, float]]:
    """For each pair of a detected speaker and a reference: same person, best of the speaker, similarity, clip's seconds."""
    found = []
    with patch.object(conversations, "clips", _spoken):
        for number, seed in enumerate(seeds):
            random = np.random.default_rng(seed)
            people = [str(one) for one in random.permutation(list(pool))]
            count = min(2 + number % 4, len(people) - 1)
            talk = conversations.conversation(people[:count], minutes * 60, seed)
            diarized = diarize(model, talk.audio, talk.words)
            speakers = speakers_of(diarized.voices)
            means = mean_voices(diarized.voices, speakers)
            spoken: dict[int, Counter[str]] = {}
            for label, speaker in zip(diarized.labels, talk.speakers, strict=True):
                spoken.setdefault(speakers[label or 0], Counter())[people[speaker]] += 1
            seconds = Counter[int]()
            for voice, speaker in zip(diarized.voices, speakers, strict=True):
                seconds[speaker] += voice.seconds
            known = [*people[:count], *people[count : 2 * count]]
            for length_s in LENGTHS_S:
                references = np.stack([reference_vector(model, _reference(one, length_s, random)) for one in known])
                for speaker, row in zip(sorted(spoken), similarities_of(means, references), strict=True):
                    if seconds[speaker] < LEAST_SECONDS:
                        continue
                    person = spoken[speaker].most_common(1)[0][0]
                    found += [
                        (one == person, bool(value == row.max()), float(value), length_s)
                        for one, value in zip(known, row, strict=True)
                    ]
    return found


def main() -> None:
    """Measures, and prints one JSON line per threshold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--set", choices=sorted(SETS), default="human voices")
    parser.add_argument("--conversations", type=int, default=20)
    parser.add_argument("--minutes", type=float, default=3)
    args = parser.parse_args()
    try:
        seeds = range(8000, 8000 + args.conversations)
        pairs = measured(SpeakerModel.load(speaker_catalogue().default), SETS[args.set], seeds, args.minutes)
    except Missing as missing:
        sys.exit(str(missing))
    for length_s in LENGTHS_S:
        same = [(value, is_best) for is_same, is_best, value, length in pairs if is_same and length == length_s]
        others = [(value, is_best) for is_same, is_best, value, length in pairs if not is_same and length == length_s]
        for threshold in THRESHOLDS:
            row = {
                "set": args.set,
                "seconds": length_s,
                "threshold": threshold,
                "chosen": threshold == LEAST_SIMILARITY,
                "right": f"{sum(is_best and value >= threshold for value, is_best in same)} of {len(same)}",
                "wrong": f"{sum(is_best and value >= threshold for value, is_best in others)} of {len(others)}",
            }
            print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
