"""Messages, rows and results that cross languages: the examples that the TypeScript side reads too."""

import json

from conftest import PROJECT
from gpu_worker.chunk_rows import ChunkRows, Claim
from gpu_worker.engine import Transcription
from gpu_worker.lanes import WorkMessage
from gpu_worker.objects import result_of
from gpu_worker.segments import Segment, Word

EXAMPLES = PROJECT / "test" / "fixtures" / "contracts"


def example(name: str) -> dict:
    return json.loads((EXAMPLES / name).read_text())


def test_the_queue_message_is_understood() -> None:
    message = WorkMessage.model_validate(example("work-message.v1.json"))
    assert (message.session_id, message.chunk_number) == ("session_01TEST", 7)


def test_a_first_row_can_be_claimed_and_tells_what_to_transcribe(dynamodb) -> None:
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


def test_the_result_file_is_the_example() -> None:
    words = (Word(" hello", 1.25, 1.75, 0.9991), Word(" everyone", 1.75, 2.5, 0.9876))
    segment = Segment("hello everyone", 1.25, 2.5, -0.0123, 0.0, 0.8182, words)
    claim = Claim("session_01TEST", 7, "user-a", "", "", 1, 1, None, suspect=False, deaths=0, kills=0)
    assert result_of(claim, "demo_model", Transcription("en", 29.994, (segment,))) == example("chunk-transcript.json")
