"""`python -m quality whole|chunks …`: measures one recording and prints one line of figures."""

from __future__ import annotations

import argparse
import wave
from pathlib import Path

from quality import ours, peers
from quality.compare import differences
from quality.corpora import CORPORA, SAMPLE_RATE, Recording
from quality.scoring import Output, Score, score


def line(title: str, recording: Recording, output: Output, figures: Score) -> str:
    """All figures of one run as a line."""
    low, high = figures.interval()
    return (
        f"{title}: WER {figures.wer:.2f} % ({low:.2f}-{high:.2f}) of {figures.words} words; "
        f"{figures.substituted} substituted, {figures.inserted} inserted, {figures.deleted} deleted, {figures.lost} lost; "
        f"CPU {output.cpu_s:.1f} s for {recording.seconds:.0f} s; "
        f"listed {figures.unheard_s:.1f} s, wordless {figures.wordless_s:.1f} s"
    )


def _try(args: argparse.Namespace) -> None:
    recording = CORPORA[args.corpus](args.minutes * 60, args.seed)
    if args.engine == "ours":
        engine = ours.load(args.model)
        if args.what == "whole":
            output = ours.whole(engine, recording.audio)
        else:
            first_s = args.chunk + args.shift if args.shift else None
            output = ours.chunks(
                engine,
                recording.audio,
                chunk_s=args.chunk,
                overlap_s=args.overlap,
                lead_in_s=args.lead_in,
                first_s=first_s,
                together=args.together,
            )
    else:
        kind = "sequential-chunks" if args.what == "chunks" else args.engine
        output = peers.Peer(args.model, cache_folder=peers.CACHE_FOLDER).run(kind, recording.audio, args.chunk)
    figures = score(recording, output)
    title = f"{args.engine} {args.what} {args.model.name} {args.corpus} {args.minutes:g} min seed {args.seed}"
    print(line(title, recording, output, figures))
    if args.text:
        print("\n".join(differences(recording, output)))
    if args.wav:
        _write(args.wav, recording)


def _write(file: Path, recording: Recording) -> None:
    with wave.open(str(file), "wb") as wav:
        wav.setnchannels(1)
        wav.setsampwidth(2)
        wav.setframerate(SAMPLE_RATE)
        wav.writeframes((recording.audio.clip(-1, 1) * 32767).astype("<i2").tobytes())


def main() -> None:
    """Reads the command line."""
    parser = argparse.ArgumentParser(prog="quality", description=__doc__)
    parser.add_argument("what", choices=["whole", "chunks"])
    parser.add_argument("--model", type=Path, required=True, help="folder of the model")
    parser.add_argument("--engine", choices=["ours", "sequential", "batched"], default="ours")
    parser.add_argument("--corpus", choices=sorted(CORPORA), default="human")
    parser.add_argument("--minutes", type=float, default=6)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--chunk", type=float, default=30, help="chunk length in seconds")
    parser.add_argument("--overlap", type=float, default=0, help="overlap of the client in seconds")
    parser.add_argument("--lead-in", type=float, default=3, help="lead-in of each chunk in seconds")
    parser.add_argument(
        "--shift",
        type=float,
        default=0,
        help="shift of all cuts in seconds (changes the length of the first chunk; negative: earlier)",
    )
    parser.add_argument("--together", type=int, default=1, help="chunks per call of the engine")
    parser.add_argument("--text", action="store_true", help="print the differences between text and script")
    parser.add_argument("--wav", type=Path, help="write the recording to this file")
    _try(parser.parse_args())


if __name__ == "__main__":
    main()
