"""The retry policy, with the real client against a server that answers like DynamoDB."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from botocore.exceptions import ClientError

from gpu_worker.cloud.stage import aws

Answer = tuple[int, dict[str, object]]
FINE: Answer = (200, {})
requests: list[int] = []
"""Status of each answer."""


def refused(code: str, *reasons: str) -> Answer:
    return 400, {
        "__type": f"com.amazonaws#{code}",
        "message": code,
        "CancellationReasons": [{"Code": one} for one in reasons],
    }


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Answer]]:
    """Answers of the server in order; the last one is repeated."""
    left: list[Answer] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            status, body = left.pop(0) if len(left) > 1 else left[0]
            requests.append(status)
            content = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("content-type", "application/x-amz-json-1.0")
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    requests.clear()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setattr("boto3.DEFAULT_SESSION", None)  # it keeps the credentials of other tests
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "id")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setattr(aws, "FIRST_LIMIT_SECONDS", 0.001)
    yield left
    server.shutdown()
    server.server_close()


def write() -> None:
    put = {"Put": {"TableName": "chunks", "Item": {"session_id": "s"}}}
    aws.dynamodb().meta.client.transact_write_items(TransactItems=[put])


@pytest.mark.promise("batch.lock")
@pytest.mark.parametrize(
    "passing",
    [
        refused("TransactionConflictException"),
        refused("TransactionCanceledException", "TransactionConflict", "None"),
        refused("TransactionCanceledException", "None", "ThrottlingError"),
        (500, {"__type": "InternalServerError"}),
    ],
)
def test_a_write_that_only_met_another_one_is_tried_again(answers: list[Answer], passing: Answer) -> None:
    answers += [passing, FINE]
    write()
    assert requests == [passing[0], 200]


@pytest.mark.parametrize("reasons", [["ConditionalCheckFailed"], ["TransactionConflict", "ConditionalCheckFailed"]])
def test_a_failed_condition_is_final(answers: list[Answer], reasons: list[str]) -> None:
    answers.append(refused("TransactionCanceledException", *reasons))
    with pytest.raises(ClientError, match="TransactionCanceledException"):
        write()
    assert len(requests) == 1


def test_a_conflict_that_lasts_is_an_error_after_the_last_attempt(answers: list[Answer]) -> None:
    answers.append(refused("TransactionCanceledException", "TransactionConflict"))
    with pytest.raises(ClientError, match="TransactionCanceledException"):
        write()
    assert len(requests) == aws.MAX_ATTEMPTS
