"""Cuts a recording into independently decodable chunks, as a recorder makes them: `cut_audio.py FILE FOLDER SECONDS OVERLAP`.

Audio packets are copied without re-encoding; each chunk has its own header. Prints the chunks in order as one JSON line.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import av


def cut(source: Path, folder: Path, seconds: float, overlap: float) -> list[dict[str, Any]]:
    """Writes chunk-001.webm and so on into the folder; returns their paths and lengths in seconds.

    Each chunk begins `overlap` seconds before the previous one ends, as with a recorder that starts the next chunk before it
    stops the current one.
    """
    chunks: list[dict[str, Any]] = []
    with av.open(str(source)) as recording:
        stream = recording.streams.audio[0]
        packets = [(packet, packet.pts) for packet in recording.demux(stream) if packet.pts is not None]
        times = [float(pts * stream.time_base) for _, pts in packets]
        last_s = float((packets[-1][0].duration or 0) * stream.time_base)
        end = times[-1] + last_s
        first = 0
        while first < len(packets):
            start = times[first]
            part = [(packet, pts) for (packet, pts), at in zip(packets, times, strict=True) if start <= at < start + seconds]
            path = folder / f"chunk-{len(chunks) + 1:03d}.webm"
            with av.open(str(path), "w", format="webm") as output:
                target = output.add_stream_from_template(stream)
                for packet, pts in part:
                    packet.pts = packet.dts = pts - packets[first][1]
                    packet.stream = target
                    output.mux(packet)
            after = first + len(part)
            until = times[after] if after < len(times) else end
            chunks.append({"path": str(path), "seconds": round(until - start, 3)})
            if after >= len(times):
                break
            first = next(i for i, at in enumerate(times) if at >= until - overlap)
    return chunks


if __name__ == "__main__":
    recording = Path(sys.argv[1])
    if not recording.is_file():
        raise SystemExit(f"there is no file {recording}")
    try:
        chunks_made = cut(recording, Path(sys.argv[2]), float(sys.argv[3]), float(sys.argv[4]))
    except (av.error.FFmpegError, IndexError, StopIteration, ValueError):
        line = f"{recording} cannot be cut into chunks: use WebM or Ogg with Opus audio, or upload the file on the Files page"
        raise SystemExit(line) from None
    sys.stdout.write(json.dumps(chunks_made))
