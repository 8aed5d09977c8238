"""Requested languages in the service's API, before a model is loaded."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from conftest import PROTOCOL_MODEL
from gpu_worker.service.http.app import build
from gpu_worker.service.settings import ServeSettings

SAMPLE = ("a.webm", b"\x1aE\xdf\xa3" + bytes(64))


def client_of(folder: Path, model: str) -> TestClient:
    """A client of the service; without its lifespan no job is processed."""
    return TestClient(build(ServeSettings(model=model, service_folder=str(folder))), base_url="http://127.0.0.1:8765")


def send(client: TestClient, path: str, **fields: str) -> tuple[int, dict[str, Any]]:
    response = client.post(path, data=fields, files={"file": SAMPLE})
    return response.status_code, response.json()


@pytest.mark.promise("language.doors")
@pytest.mark.parametrize("name", ["xx", "klingon", "xx-US"])
def test_an_unknown_language_is_refused_before_anything_is_queued(tmp_path: Path, name: str) -> None:
    client = client_of(tmp_path, "large-v3")
    status, body = send(client, "/transcribe", language=name)
    assert (status, body["code"], body["languages"]["yue"]) == (422, "invalid-language", "Cantonese")
    assert f'"{name}" is not a language' in body["detail"]
    status, body = send(client, "/v1/audio/transcriptions", language=name, model="whisper-1")
    assert (status, body["error"]["param"], body["error"]["code"]) == (422, "language", "invalid-language")
    assert body["error"]["languages"]["de"] == "German"
    assert client.get("/jobs").json()["jobs"] == []


@pytest.mark.promise("language.doors")
def test_a_language_that_the_model_does_not_know_is_refused(tmp_path: Path) -> None:
    english = client_of(tmp_path / "a", "tiny.en")
    status, body = send(english, "/transcribe", language="german")
    assert (status, body["languages"]) == (422, {"en": "English"})
    assert "tiny.en supports English only" in body["detail"]
    assert "--model small" in body["detail"]
    # The files of a folder decide, not its name.
    status, body = send(client_of(tmp_path / "b", str(PROTOCOL_MODEL)), "/transcribe", language="de")
    assert (status, body["languages"]) == (422, {"en": "English"})
    status, body = send(client_of(tmp_path / "c", "small"), "/transcribe", language="yue")
    assert status == 422
    assert "does not support Cantonese" in body["detail"]


@pytest.mark.promise("language.doors")
@pytest.mark.parametrize(("name", "code"), [("en-US", "en"), ("iw", "he"), ("German", "de"), ("auto", None), ("", None)])
def test_a_requested_language_is_queued_as_the_models_code(tmp_path: Path, name: str, code: str | None) -> None:
    client = client_of(tmp_path, "large-v3")
    status, body = send(client, "/transcribe", language=name, job_id="one")
    assert (status, body) == (200, {"job_id": "one", "status": "queued"})
    [(wishes,)] = sqlite3.connect(tmp_path / "jobs.sqlite").execute("SELECT wishes FROM jobs").fetchall()
    assert json.loads(wishes)["language"] == code


@pytest.mark.promise("language.doors")
def test_a_model_card_lists_the_languages_that_the_model_knows(tmp_path: Path) -> None:
    client = client_of(tmp_path, "tiny.en")
    assert client.get("/v1/models/tiny.en").json()["languages"] == {"en": "English"}
    [card] = client_of(tmp_path / "other", "small").get("/v1/models").json()["data"]
    assert (card["id"], card["languages"]["de"], "yue" in card["languages"]) == ("small", "German", False)
