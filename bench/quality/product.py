"""Creates and scores the long recording of `npm run bench -- product`: `python -m quality.product make|score …`."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Final

import av
import numpy as np

from quality.corpora import SAMPLE_RATE, Audio, decode, human
from quality.peers import Peer
from quality.rows import PooledResult, Row
from quality.scoring import Output, TimedWord

POINTS: Final = 0.5
BITS_PER_SECOND: Final = 32000
FRAME_SAMPLES: Final = SAMPLE_RATE


def write_webm(file: Path, audio: Audio) -> None:
    """Writes Opus in WebM, as browsers record it."""
    with av.open(str(file), "w", format="webm") as container:
        stream = container.add_stream("libopus", rate=48000, layout="mono", bit_rate=BITS_PER_SECOND)
        samples = (audio.clip(-1, 1) * 32767).astype(np.int16)
        for start in range(0, len(samples), FRAME_SAMPLES):
            frame = av.AudioFrame.from_ndarray(samples[None, start : start + FRAME_SAMPLES], format="s16", layout="mono")
            frame.sample_rate = SAMPLE_RATE
            frame.pts = start
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def rows(args: argparse.Namespace) -> list[Row]:
    """Scores a transcript against faster-whisper on the whole file."""
    transcript = json.loads(args.transcript.read_text())
    audio = decode(args.file)
    recording = replace(human(args.minutes * 60, args.seed), audio=audio)
    words = [
        TimedWord(word["word"], word["start"], word["end"]) for segment in transcript["segments"] for word in segment["words"]
    ]
    failed = [(part["start"], part["end"]) for part in transcript["coverage"] if part["kind"] in ("failed", "missing")]
    mine = PooledResult.of([recording], [Output(words, failed)])
    peer = PooledResult.of([recording], [Peer(args.model).run("sequential", audio)])
    title = f"{recording.seconds / 60:.0f} min of human speech in 30 s chunks through the local product"
    lost = 100 * (mine.score.lost - peer.score.lost) / mine.score.words
    return [
        Row(
            f"{title}: WER",
            args.model.name,
            f"{mine}; {mine.difference_to(peer)}",
            f"sequential whole {peer}",
            f"<= sequential + {POINTS}",
            mine.score.wer <= peer.score.wer + POINTS,
        ),
        Row(
            f"{title}: words neither in the text nor listed",
            args.model.name,
            f"{mine.score.lost} of {mine.score.words} ({lost:+.2f} points)",
            f"sequential {peer.score.lost}",
            f"<= sequential + {POINTS} %",
            lost <= POINTS,
        ),
    ]


def main() -> None:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["make", "score"])
    parser.add_argument("file", type=Path)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--seed", type=int, default=14)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--transcript", type=Path, help="JSON of the transcript")
    args = parser.parse_args()
    if args.what == "make":
        write_webm(args.file, human(args.minutes * 60, args.seed).audio)
    else:
        for row in rows(args):
            print(json.dumps(asdict(row)))


if __name__ == "__main__":
    main()
