"""`python -m diarization.known`: how often known voices suggest the right name, and a wrong one.

Each conversation is processed as a recording: chunk by chunk, then all voices are grouped. A speaker's voice is the mean of its
group. For each conversation, everyone's voice is known from a random other one; then once more without one of the people.
core/transcripts/suggestions.ts has the same rule.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from gpu_worker.speech.speakers import SpeakerModel, Voice, diarize, speaker_catalogue, speakers_of
from gpu_worker.speech.speakers.clustering import unit_vector
from quality.corpora import SAMPLE_RATE, Missing

from diarization.conversations import Conversation, conversation
from diarization.methods import CHUNK_S
from diarization.voices import REPORTED, TUNING

SHORTEST_S: Final = 10.0
"""Speakers with less speech are neither saved nor recognized."""
MINUTES: Final = 3
DRAWS: Final = 30
"""Choices of the known voices for each conversation."""
SETS: Final = {"human voices": tuple(REPORTED), "voices of the settings": tuple(TUNING)}
RULES: Final = [(threshold, margin) for threshold in (0.82, 0.86, 0.88, 0.9, 0.92) for margin in (0.0, 0.05, 0.1)]


@dataclass(frozen=True)
class Speaker:
    """A speaker that was detected in a conversation."""

    conversation: int
    person: str
    """Who speaks most of its words."""
    seconds: float
    vector: npt.NDArray[np.float64]
    """Mean of its voices, with length 1, float64 [n_dimensions]."""


def _speakers(model: SpeakerModel, made: Conversation, people: Sequence[str], number: int) -> list[Speaker]:
    """The speakers that are detected in a conversation."""
    voices: list[Voice] = []
    spoken: list[tuple[int, int]] = []
    for start_s in np.arange(0, made.seconds, CHUNK_S):
        own = [at for at, word in enumerate(made.words) if start_s <= word.start < start_s + CHUNK_S]
        audio = made.audio[round(start_s * SAMPLE_RATE) : round((start_s + CHUNK_S) * SAMPLE_RATE)]
        words = [made.words[at] for at in own]
        moved = [word.__class__(word.word, word.start - start_s, word.end - start_s, word.probability) for word in words]
        found = diarize(model, audio, moved)
        spoken += [(len(voices) + (label or 0), made.speakers[at]) for at, label in zip(own, found.labels, strict=True)]
        voices += found.voices
    groups = speakers_of(voices)
    detected = []
    for group in sorted(set(groups)):
        members = [voice for voice, other in zip(voices, groups, strict=True) if other == group]
        person = people[int(np.bincount([speaker for voice, speaker in spoken if groups[voice] == group]).argmax())]
        mean = np.sum([unit_vector(voice.vector) * voice.seconds for voice in members], axis=0)
        seconds = sum(voice.seconds for voice in members)
        detected.append(Speaker(number, person, seconds, mean / max(float(np.linalg.norm(mean)), 1e-12)))
    return detected


def _suggestions(
    detected: Sequence[Speaker], known: Sequence[Speaker], threshold: float, margin: float
) -> Iterator[tuple[Speaker, Speaker]]:
    """Speakers and the known voices that are suggested for them."""
    similarity = np.array([[float(one.vector @ other.vector) for other in known] for one in detected])
    for row, one in enumerate(detected):
        for column, other in enumerate(known):
            value = similarity[row, column]
            rivals = np.concatenate((np.delete(similarity[row], column), np.delete(similarity[:, column], row)))
            if one.seconds >= SHORTEST_S and value >= threshold and (rivals <= value - margin).all():
                yield one, other


def _row(
    speakers: Sequence[Speaker], pool: Sequence[str], threshold: float, margin: float, *, is_one_unknown: bool
) -> dict[str, int]:
    random = np.random.default_rng(1)
    counts = {"speakers": 0, "right": 0, "wrong": 0, "conversations": 0}
    for number in sorted({one.conversation for one in speakers}):
        detected = [one for one in speakers if one.conversation == number]
        others = [one for one in speakers if one.conversation != number and one.seconds >= SHORTEST_S]
        for _ in range(DRAWS):
            unknown = str(random.choice(sorted({one.person for one in detected}))) if is_one_unknown else ""
            saved = [[one for one in others if one.person == person] for person in pool if person != unknown]
            known = [own[random.integers(len(own))] for own in saved if own]
            people = {one.person for one in known}
            counts["conversations"] += 1
            counts["speakers"] += sum(one.person in people and one.seconds >= SHORTEST_S for one in detected)
            for one, other in _suggestions(detected, known, threshold, margin):
                counts["right" if one.person == other.person else "wrong"] += 1
    return counts


def main() -> None:
    """Measures, and prints one JSON line per rule."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--set", choices=sorted(SETS), default="human voices")
    parser.add_argument("--conversations", type=int, default=40)
    args = parser.parse_args()
    pool = SETS[args.set]
    model = SpeakerModel.load(speaker_catalogue().default)
    speakers: list[Speaker] = []
    try:
        for number in range(args.conversations):
            random = np.random.default_rng(9000 + number)
            people = [str(one) for one in random.permutation(list(pool))[: 2 + number % 4]]
            made = conversation(people, 60 * MINUTES, 9000 + number)
            speakers += _speakers(model, made, people, number)
    except Missing as missing:
        sys.exit(str(missing))
    for threshold, margin in RULES:
        for is_one_unknown in (False, True):
            counts = _row(speakers, pool, threshold, margin, is_one_unknown=is_one_unknown)
            rule = {"set": args.set, "threshold": threshold, "margin": margin, "oneUnknown": is_one_unknown}
            print(json.dumps({**rule, **counts}), flush=True)


if __name__ == "__main__":
    main()
