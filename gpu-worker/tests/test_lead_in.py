"""Lead-ins, and the language of a session."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from gpu_worker.cloud.stage.claims import Claim, PreviousChunk
from gpu_worker.cloud.stage.session_language import SessionLanguages
from gpu_worker.cloud.work.lead_in import LeadIns, overlap_seconds
from gpu_worker.speech.media import SAMPLE_RATE, DecodeOptions, MediaError
from gpu_worker.speech.media.decoder import Decoded

CLAIM = Claim("session_01A", 2, "u", "k-2", "e-2", 1, 1, None, suspect=False, deaths=0, kills=0)
BEFORE = PreviousChunk("k-1", "e-1", seconds=30.0, started_at_ms=None)
PREVIOUS = np.linspace(0, 1, 30 * SAMPLE_RATE, dtype=np.float32)


class World:
    """Rows, storage and decoder with one previous chunk."""

    def __init__(self, previous_chunk: PreviousChunk | None = BEFORE) -> None:
        self.row = previous_chunk
        self.fetched: list[tuple[str, str]] = []
        self.broken = False
        self.lead_ins = LeadIns(self, self, self)  # type: ignore[arg-type]

    def previous_chunk(self, _claim: Claim) -> PreviousChunk | None:
        return self.row

    def fetch_object(self, key: str, etag: str, _into: Path) -> str:
        self.fetched.append((key, etag))
        return ""

    def decode(self, _path: Path, _options: DecodeOptions) -> Decoded:
        if self.broken:
            raise MediaError("damaged")
        return Decoded(PREVIOUS, PREVIOUS[:0], ())


@pytest.mark.promise("speech.lead-in")
def test_the_last_three_seconds_of_the_previous_chunk_are_the_lead_in() -> None:
    world = World()
    lead_in = world.lead_ins.find(CLAIM)
    assert lead_in is not None and lead_in.etag == "e-1"
    np.testing.assert_array_equal(lead_in.audio, PREVIOUS[-3 * SAMPLE_RATE :])
    assert world.fetched == [("k-1", "e-1")]


@pytest.mark.promise("speech.lead-in")
def test_audio_that_the_client_repeats_is_not_added_to_the_lead_in() -> None:
    lead_in = World().lead_ins.find(replace(CLAIM, overlap_ms=2000))
    assert lead_in is not None
    np.testing.assert_array_equal(lead_in.audio, PREVIOUS[-3 * SAMPLE_RATE : -2 * SAMPLE_RATE])
    assert World().lead_ins.find(replace(CLAIM, overlap_ms=5000)) is None


@pytest.mark.promise("speech.lead-in")
def test_there_is_no_lead_in_for_first_chunks_for_files_and_without_a_decodable_previous_chunk() -> None:
    assert World().lead_ins.find(replace(CLAIM, chunk_number=1)) is None
    assert World().lead_ins.find(replace(CLAIM, session_id="job_01A")) is None
    assert World(previous_chunk=None).lead_ins.find(CLAIM) is None
    world = World()
    world.broken = True
    assert world.lead_ins.find(CLAIM) is None


@pytest.mark.promise("speech.lead-in")
def test_the_cached_end_of_a_chunk_is_not_fetched_again_unless_the_chunk_was_replaced() -> None:
    world = World()
    world.lead_ins.cache_end(replace(CLAIM, chunk_number=1, etag="e-1"), PREVIOUS / 2)
    lead_in = world.lead_ins.find(CLAIM)
    assert lead_in is not None and world.fetched == []
    np.testing.assert_array_equal(lead_in.audio, PREVIOUS[-3 * SAMPLE_RATE :] / 2)
    world.row = replace(BEFORE, etag="e-1b")
    world.lead_ins.find(CLAIM)
    assert world.fetched == [("k-1", "e-1b")]


@pytest.mark.parametrize(("started_at_ms", "expected"), [(30_000, 0.0), (29_600, 0.4), (31_000, 0.0), (20_000, 0.0)])
def test_an_overlap_computed_from_client_clocks_is_used_within_limits(started_at_ms: int, expected: float) -> None:
    claim = replace(CLAIM, started_at_ms=started_at_ms)
    assert overlap_seconds(claim, replace(BEFORE, started_at_ms=0)) == pytest.approx(expected)


@pytest.mark.promise("speech.session-language")
def test_the_first_confident_language_of_a_recording_stays(dynamodb) -> None:
    sessions, chunks = dynamodb.Table("sessions"), dynamodb.Table("chunks")
    sessions.put_item(Item={"session_id": "session_01L"})
    chunks.put_item(Item={"session_id": "job_01L", "chunk_number": 0})
    for claim in (replace(CLAIM, session_id="session_01L"), replace(CLAIM, session_id="job_01L")):
        first, other = (SessionLanguages(dynamodb, "sessions", "chunks") for _ in range(2))
        assert first.likely(claim) is None
        first.note(claim, "de")
        other.note(claim, "en")
        assert (first.likely(claim), other.likely(claim)) == ("de", "de")


def test_a_deleted_session_is_not_created_again_by_its_language(dynamodb) -> None:
    languages = SessionLanguages(dynamodb, "sessions", "chunks")
    languages.note(replace(CLAIM, session_id="session_01GONE"), "de")
    assert "Item" not in dynamodb.Table("sessions").get_item(Key={"session_id": "session_01GONE"})
