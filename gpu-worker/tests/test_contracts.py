"""Messages, rows and results that cross languages, by the examples that the TypeScript side reads as well."""

import json

import numpy as np

from conftest import PROJECT
from gpu_worker.cloud.stage.chunk_rows import ChunkRows
from gpu_worker.cloud.stage.claims import Claim
from gpu_worker.cloud.stage.lanes import WorkMessage
from gpu_worker.cloud.stage.results import LeadIn, read_transcription, result_of
from gpu_worker.speech.engine import Transcription
from gpu_worker.speech.media import SAMPLE_RATE
from gpu_worker.speech.segments import Segment, Word

EXAMPLES = PROJECT / "test" / "fixtures" / "contracts"


def example(name: str) -> dict:
    return json.loads((EXAMPLES / name).read_text())


def test_the_example_of_a_queue_message_is_parsed() -> None:
    message = WorkMessage.model_validate(example("work-message.v1.json"))
    assert (message.session_id, message.chunk_number) == ("session_01TEST", 7)


def test_the_example_of_a_pending_row_can_be_claimed(dynamodb) -> None:
    row = example("chunk-row.pending.json")
    dynamodb.Table("chunks").put_item(Item=row)
    claim = ChunkRows(dynamodb, "chunks", "ledger", "fleet", "i-1/1/a").claim("session_01TEST", 7)
    assert claim == Claim(
        "session_01TEST",
        7,
        "user-a",
        row["object_key"],
        row["etag"],
        fence=1,
        attempts=1,
        language="en",
        suspect=False,
        deaths=0,
        kills=0,
    )


def test_the_result_file_equals_the_example() -> None:
    words = (Word(" hello", 1.25, 1.75, 0.9991), Word(" everyone", 1.75, 2.5, 0.9876))
    segment = Segment("hello everyone", 1.25, 2.5, -0.0123, 0.0, 0.8182, words, language="en")
    claim = Claim("session_01TEST", 7, "user-a", "", "", 1, 1, None, suspect=False, deaths=0, kills=0)
    before = (Word(" So", -0.75, -0.5, 0.9312),)
    silent = ((6.4996, 15.0),)
    found = Transcription("en", 29.994, (segment,), unheard=((20.5, 22.0),), lead_in=before, no_signal=silent)
    lead_in = LeadIn(np.zeros(3 * SAMPLE_RATE, dtype=np.float32), "etag-6")
    assert result_of(claim, "protocol.en", found, lead_in) == example("chunk-transcript.json")
    stored = read_transcription(json.dumps(example("chunk-transcript.json")).encode())
    assert (stored.unheard, stored.no_signal) == (((20.5, 22.0),), ((6.5, 15.0),))


def test_a_result_of_the_previous_engine_is_read() -> None:
    old = example("chunk-transcript.json")
    del old["lead_in"], old["segments"][0]["language"]
    assert read_transcription(json.dumps(old).encode()).segments[0].text == "hello everyone"
