"""Reads exported transcripts with software that other people wrote, and prints what it found as JSON.

`python -m read_exports FOLDER READER…`: {reader: {file: content}} of each file of the folder that the reader can read. Content
is a list of cues ([start in ms, end in ms, text]) or of paragraphs ([style, text]).
"""

from __future__ import annotations

import html
import json
import re
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import av
import docx
import pycaption
import pysrt
import srt
import webvtt
from markdown_it import MarkdownIt

Cue = tuple[int, int, str]
EMPHASIS = {"bold": "b", "italic": "i"}


def _ms(time: timedelta) -> int:
    return time // timedelta(milliseconds=1)


def _spoken(payload: str) -> str:
    """The text of a WebVTT payload."""
    return html.unescape(re.sub(r"<[^>]*>", "", payload))


def read_srt(path: Path) -> list[Cue]:
    """PyPI: srt."""
    return [(_ms(cue.start), _ms(cue.end), cue.content) for cue in srt.parse(path.read_text(), ignore_errors=False)]


def read_pysrt(path: Path) -> list[Cue]:
    """PyPI: pysrt."""
    return [(cue.start.ordinal, cue.end.ordinal, cue.text) for cue in pysrt.open(str(path), error_handling=pysrt.ERROR_RAISE)]


def read_webvtt(path: Path) -> list[Cue]:
    """PyPI: webvtt-py."""
    is_srt = path.suffix == ".srt"
    cues = webvtt.from_srt(str(path)) if is_srt else webvtt.read(str(path))
    return [
        (
            round(1000 * cue.start_in_seconds) + cue.start_time.milliseconds,
            round(1000 * cue.end_in_seconds) + cue.end_time.milliseconds,
            cue.raw_text if is_srt else _spoken(cue.raw_text),
        )
        for cue in cues
    ]


def read_pycaption(path: Path) -> list[Cue]:
    """PyPI: pycaption."""
    reader = pycaption.SRTReader() if path.suffix == ".srt" else pycaption.WebVTTReader()
    captions = reader.read(path.read_text())
    (language,) = captions.get_languages()
    return [(cue.start // 1000, cue.end // 1000, cue.get_text()) for cue in captions.get_captions(language)]


def read_ffmpeg(path: Path) -> list[Cue]:
    """FFmpeg, with PyAV. Its decoder of SubRip interprets HTML, so that those payloads are compared."""
    cues: list[Cue] = []
    with av.open(str(path)) as container:
        for packet in container.demux(container.streams.subtitles[0]):
            if packet.pts is None or packet.time_base is None:
                continue
            start, length = (round(1000 * time * packet.time_base) for time in (packet.pts, packet.duration or 0))
            payload = bytes(packet).decode()
            cues.append((start, start + length, payload if path.suffix == ".srt" else _spoken(payload)))
    return cues


def read_docx(path: Path) -> list[tuple[str, str]]:
    """PyPI: python-docx. Runs in bold or italics are enclosed in tags. First: title and language of the document."""
    document = docx.Document(str(path))
    language = document.styles.element.xpath("string(w:docDefaults//w:lang/@w:val)")

    def runs(paragraph: docx.text.paragraph.Paragraph) -> Iterator[str]:
        for run in paragraph.runs:
            tags = [tag for name, tag in EMPHASIS.items() if getattr(run, name)]
            yield "".join(f"<{tag}>" for tag in tags) + run.text + "".join(f"</{tag}>" for tag in reversed(tags))

    paragraphs = [(one.style.name if one.style else "", "".join(runs(one))) for one in document.paragraphs]
    return [(document.core_properties.title, language), *paragraphs]


def read_markdown(path: Path) -> list[tuple[str, str]]:
    """PyPI: markdown-it-py, CommonMark with tables and strikethrough. Emphasis is enclosed in tags, as in `read_docx`."""
    tags = {
        "strong_open": "<b>",
        "strong_close": "</b>",
        "em_open": "<i>",
        "em_close": "</i>",
        "text_special": None,
        "text": None,
    }
    paragraphs, style = [], ""
    for token in MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(path.read_text()):
        style = token.tag if token.nesting == 1 else style
        if token.type == "inline":
            inline = token.children or []
            paragraphs.append((style, "".join(tags.get(one.type, f"<{one.type}>") or one.content for one in inline)))
        elif token.nesting == 0:
            paragraphs.append((token.type, token.content))
    return paragraphs


READERS: dict[str, tuple[tuple[str, ...], Callable[[Path], object]]] = {
    "srt": ((".srt",), read_srt),
    "pysrt": ((".srt",), read_pysrt),
    "webvtt-py": ((".srt", ".vtt"), read_webvtt),
    "pycaption": ((".srt", ".vtt"), read_pycaption),
    "ffmpeg": ((".srt", ".vtt"), read_ffmpeg),
    "python-docx": ((".docx",), read_docx),
    "markdown-it-py": ((".md",), read_markdown),
}


def main(folder: Path, *names: str) -> None:
    """Prints what the readers found."""
    found = {}
    for name in names:
        suffixes, read = READERS[name]
        found[name] = {path.name: read(path) for path in sorted(folder.iterdir()) if path.suffix in suffixes}
    print(json.dumps(found))


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
