"""Subtitles of scripts with full-width characters, by the examples that test/core/cues.test.ts reads as well."""

import json
from typing import Any

import pytest

from conftest import PROJECT
from gpu_worker.service.http.cues import cues_of

EXAMPLES = json.loads((PROJECT / "test" / "fixtures" / "formats" / "cues.json").read_text())


@pytest.mark.promise("transcript.subtitles", "transcript.unspaced")
@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example["title"])
def test_cues_are_those_of_the_shared_example(example: dict[str, Any]) -> None:
    cues = cues_of(example["segments"], names_speakers=False)
    assert [list(cue.lines) for cue in cues] == [cue["lines"] for cue in example["cues"]]
    assert [(cue.start, cue.end) for cue in cues] == [
        (pytest.approx(cue["start"], abs=0.001), pytest.approx(cue["end"], abs=0.001)) for cue in example["cues"]
    ]
