"""Cuts a recording into chunks that each decode alone, as a recorder makes them: `cut_audio.py FILE FOLDER SECONDS`.

Audio packets are copied, not encoded again; every chunk gets a header of its own. Prints one JSON line: the chunks in order.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import av


def cut(source: Path, folder: Path, seconds: float) -> list[dict[str, Any]]:
    """Writes chunk-001.webm … into the folder; answers their paths and lengths in seconds."""
    chunks: list[dict[str, Any]] = []
    with av.open(str(source)) as recording:
        stream = recording.streams.audio[0]
        output: Any = None
        target: Any = None
        start = end = 0.0
        for packet in recording.demux(stream):
            if packet.pts is None or packet.time_base is None:
                continue
            at = float(packet.pts * packet.time_base)
            if output is None or at - start >= seconds:
                if output is not None:
                    output.close()
                    chunks[-1]["seconds"] = round(at - start, 3)
                start = at
                path = folder / f"chunk-{len(chunks) + 1:03d}.webm"
                output = av.open(str(path), "w", format="webm")
                target = output.add_stream_from_template(stream)
                chunks.append({"path": str(path), "seconds": 0.0})
            end = at + float((packet.duration or 0) * packet.time_base)
            packet.pts -= int(start / packet.time_base)
            packet.dts = packet.pts
            packet.stream = target
            output.mux(packet)
        if output is not None:
            output.close()
            chunks[-1]["seconds"] = round(end - start, 3)
    return chunks


if __name__ == "__main__":
    recording = Path(sys.argv[1])
    if not recording.is_file():
        raise SystemExit(f"there is no file {recording}")
    try:
        chunks_made = cut(recording, Path(sys.argv[2]), float(sys.argv[3]))
    except (av.error.FFmpegError, IndexError, ValueError):
        raise SystemExit(f"{recording} cannot be cut into chunks: take a webm or ogg recording with opus audio") from None
    sys.stdout.write(json.dumps(chunks_made))
