"""Numbers of speakers in requests to the service, and in the key of shared results. test_speakers.py tests their effect."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from gpu_worker.cloud.stage.chunk_rows import ChunkRows
from gpu_worker.cloud.stage.claims import Claim
from gpu_worker.cloud.work.loading import Loader
from gpu_worker.service.callbacks.address import Rules
from gpu_worker.service.http.offered import OfferedModels
from gpu_worker.service.http.problems import Problem
from gpu_worker.service.http.requests import Offer, TranscriptionForm, fields_of, parse
from gpu_worker.service.http.uploads import Form
from gpu_worker.service.settings import ServeSettings
from memory_dynamodb import MemoryDynamoDB

OFFER = Offer(OfferedModels(ServeSettings(model="tiny.en")), Rules(allow_loopback=False))
ROW = {"session_id": "session_x", "chunk_number": 1, "user_id": "u", "object_key": "k", "state": "pending", "etag": "e"}


def form(**fields: str) -> TranscriptionForm:
    return parse(TranscriptionForm, fields_of(Form({name: [value] for name, value in fields.items()})), OFFER)


@pytest.mark.promise("speakers.number")
def test_a_request_can_contain_the_numbers_of_speakers() -> None:
    wanted = form(diarize="true", min_speakers="2", max_speakers="50").options
    assert (wanted["diarize"], wanted["min_speakers"], wanted["max_speakers"]) == ("true", "2", "50")
    assert form(response_format="diarized_json", max_speakers="1").options["max_speakers"] == "1"
    assert "min_speakers" not in form(diarize="true").options


@pytest.mark.promise("speakers.number")
@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"diarize": "true", "min_speakers": "0"}, "min_speakers"),
        ({"diarize": "true", "max_speakers": "51"}, "max_speakers"),
        ({"diarize": "true", "max_speakers": "two"}, "max_speakers"),
        ({"diarize": "true", "min_speakers": "3", "max_speakers": "2"}, "max_speakers"),
        ({"min_speakers": "2"}, "min_speakers"),
        ({"channels": "separate", "max_speakers": "2"}, "max_speakers"),
    ],
)
def test_impossible_numbers_of_speakers_are_refused(fields: dict[str, str], param: str) -> None:
    with pytest.raises(Problem) as refused:
        form(**fields)
    assert (refused.value.status, refused.value.code, refused.value.param) == (422, "invalid-speakers", param)


def claimed(**more: object) -> Claim:
    database = MemoryDynamoDB()
    database.Table("chunks").put_item(Item={**ROW, "attempts": 0, "fence": 0, "next_attempt_at_ms": 0, **more})
    claim = ChunkRows(database, "chunks", "ledger", "fleet", "i-a/1/x").claim("session_x", 1)
    assert isinstance(claim, Claim)
    return claim


@pytest.mark.promise("speakers.number")
def test_results_for_different_numbers_of_speakers_are_not_shared() -> None:
    loader: Any = SimpleNamespace(_own_model="small", _speakers="ge2e")
    item: Any = SimpleNamespace(claim=claimed(diarize=True), lead_in=None)

    def key(**numbers: int) -> str:
        numbered: Any = SimpleNamespace(claim=replace(item.claim, **numbers), lead_in=None)
        return Loader._content_key(loader, numbered, "sha")

    assert len({key(), key(max_speakers=1), key(max_speakers=2)}) == 3
    assert key(min_speakers=2) == key(), "not everyone speaks in a chunk"
