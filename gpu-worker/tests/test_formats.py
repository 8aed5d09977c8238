"""The subtitle examples of the TypeScript writers, read by an independent parser."""

import html
import json

import pytest
import webvtt

from conftest import PROJECT

EXAMPLES = PROJECT / "test" / "fixtures" / "formats"
SEGMENTS = json.loads((EXAMPLES / "transcript.json").read_text())["segments"]
SPOKEN = [(int(segment["start"]), segment["text"].replace("-->", "->")) for segment in SEGMENTS]


@pytest.mark.promise("transcript.formats")
def test_srt_has_a_cue_for_each_segment() -> None:
    assert [(cue.start_in_seconds, cue.raw_text) for cue in webvtt.from_srt(str(EXAMPLES / "transcript.srt"))] == SPOKEN


def test_vtt_has_a_cue_for_each_segment_with_markup_escaped() -> None:
    assert [
        (cue.start_in_seconds, html.unescape(cue.raw_text)) for cue in webvtt.read(str(EXAMPLES / "transcript.vtt"))
    ] == SPOKEN
