"""Word errors of whole recordings and of chunks, compared with faster-whisper; words that are lost and not listed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np

from quality import faults, ours
from quality.corpora import human
from quality.rows import PooledResult, Row, Subject
from quality.scoring import score, script_words

WHOLE_POINTS: Final = 0.2
CPU_SHARE: Final = 0.75
CHUNK_POINTS: Final = 0.5
OVERLAP_POINTS: Final = 0.3
SHIFT_POINTS: Final = (0.5, 1.0)
LOST_PERCENT: Final = 0.5
OVERLAPS_S: Final = (0.3, 0.4, 1.0, 2.0, 5.0, 10.0)
FEW_OVERLAPS_S: Final = (0.3, 2.0, 10.0)
"""Overlaps for the larger model, so that a run takes less than an hour."""
SHIFTED_SECONDS: Final = 121.0
SHIFTS: Final = 30
SHIFT_SEED: Final = 21


def whole(subject: Subject) -> Iterator[Row]:
    """Whole recordings: word errors and CPU time."""
    for corpus in subject.recordings:
        peer, batched, mine = subject.by_peer("sequential", corpus), subject.by_peer("batched", corpus), subject.whole(corpus)
        about = f"{corpus} speech, {mine.seconds / 60:.0f} min, {mine.score.words} words"
        yield Row(
            f"whole, {about}: WER",
            subject.name,
            f"{mine}; {mine.difference_to(peer)}",
            f"sequential {peer}; batched {batched}",
            f"<= sequential + {WHOLE_POINTS}",
            mine.score.wer <= peer.score.wer + WHOLE_POINTS,
        )
        yield Row(
            f"whole, {corpus} speech: CPU",
            subject.name,
            f"{mine.cpu_s:.0f} s, {mine.cpu_s / peer.cpu_s:.2f} of sequential",
            f"sequential {peer.cpu_s:.0f} s; batched {batched.cpu_s:.0f} s",
            f"<= {CPU_SHARE} of sequential",
            mine.cpu_s <= CPU_SHARE * peer.cpu_s,
        )


def chunks(subject: Subject) -> Iterator[Row]:
    """Chunks of 30 s, without and with overlap of the client."""
    for corpus in subject.recordings:
        peer, alone, mine = (
            subject.by_peer("sequential", corpus),
            subject.by_peer("sequential-chunks", corpus),
            subject.chunked(corpus),
        )
        yield Row(
            f"30 s chunks, {corpus} speech: WER",
            subject.name,
            f"{mine}; {mine.difference_to(peer)}; CPU {mine.cpu_s:.0f} s",
            f"sequential whole {peer}; sequential per chunk {alone}",
            f"<= sequential whole + {CHUNK_POINTS}",
            mine.score.wer <= peer.score.wer + CHUNK_POINTS,
        )
    bare = subject.chunked("human", lead_in_s=0)
    yield Row("30 s chunks, human speech, without lead-in: WER", subject.name, str(bare), "", "", None)
    peer = subject.by_peer("sequential", "human")
    for overlap_s in FEW_OVERLAPS_S if subject.is_multilingual else OVERLAPS_S:
        mine = subject.chunked("human", overlap_s)
        yield Row(
            f"30 s chunks, client overlap {overlap_s:g} s: WER",
            subject.name,
            f"{mine}; {mine.difference_to(peer)}",
            f"sequential whole {peer}",
            f"<= sequential whole + {OVERLAP_POINTS}",
            mine.score.wer <= peer.score.wer + OVERLAP_POINTS,
        )


def shifts(subject: Subject) -> Iterator[Row]:
    """All cuts shifted by one second at a time."""
    recording = human(SHIFTED_SECONDS, SHIFT_SEED)
    peer = score(recording, subject.peer.run("sequential", recording.audio)).wer
    steps = range(0, SHIFTS, 5 if subject.is_quick else 1)
    rates = [score(recording, ours.chunks(subject.engine, recording.audio, first_s=30.0 - shift)).wer for shift in steps]
    median, worst = float(np.median(rates)), max(rates)
    yield Row(
        f"30 s chunks of {recording.seconds:.0f} s, cuts shifted {len(rates)} times by 1 s: WER",
        subject.name,
        f"median {median:.2f} %, worst {worst:.2f} % (one word is {100 / len(script_words(recording)):.2f} %)",
        f"sequential whole {peer:.2f} %",
        "<= sequential whole + 0.5 (median), + 1.0 (worst)",
        median <= peer + SHIFT_POINTS[0] and worst <= peer + SHIFT_POINTS[1],
    )


def loss(subject: Subject) -> Iterator[Row]:
    """Words of the script that are neither in the text nor listed."""
    peer = subject.by_peer("sequential", "human")
    for title, mine in (("whole", subject.whole("human")), ("30 s chunks", subject.chunked("human"))):
        yield _lost(subject, f"silent loss, {title}: words", mine, peer)


def planted(subject: Subject) -> Iterator[Row]:
    """The same with a planted fault: the decoder stops after the first sentence in half of all windows."""
    recordings = subject.recordings["human"][:1]
    peer = PooledResult.of(recordings, [subject.peer.run("sequential", one.audio) for one in recordings])
    stopping = faults.planted(subject.engine, faults.StopsEarly)
    for title, run in (("whole", ours.whole), ("30 s chunks", ours.chunks)):
        mine = PooledResult.of(recordings, [run(stopping, one.audio) for one in recordings])
        yield _lost(subject, f"silent loss, decoder that stops early, {title} (WER {mine.score.wer:.1f} %): words", mine, peer)


def _lost(subject: Subject, title: str, mine: PooledResult, peer: PooledResult) -> Row:
    share = 100 * (mine.score.lost - peer.score.lost) / mine.score.words
    return Row(
        title,
        subject.name,
        f"{mine.score.lost} of {mine.score.words} ({share:+.2f} points); {mine.score.unheard_s:.1f} s listed, "
        f"{mine.score.wordless_s:.1f} s of detected speech without words",
        f"sequential {peer.score.lost}; {peer.score.wordless_s:.1f} s",
        f"<= sequential + {LOST_PERCENT} %",
        share <= LOST_PERCENT,
    )
