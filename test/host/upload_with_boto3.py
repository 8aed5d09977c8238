"""Multipart upload with boto3 through the presigned URLs of a job: `upload_with_boto3.py FILE API TOKEN JOB`.

boto3 splits, parallelizes and retries as usual; only its requests are redirected to the job's URLs.
"""

from __future__ import annotations

import io
import json
import sys
import urllib.request
from typing import Any
from urllib.parse import parse_qs, urlsplit

import boto3
from boto3.s3.transfer import TransferConfig
from botocore.awsrequest import AWSResponse
from botocore.config import Config

FILE, API, TOKEN, JOB = sys.argv[1:5]
PART = 16 * 1024**2


def call(path: str, body: dict[str, Any]) -> dict[str, Any]:
    headers = {"authorization": f"Bearer {TOKEN}", "content-type": "application/json"}
    request = urllib.request.Request(f"{API}/api/transcriptions/{JOB}{path}", json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request) as answer:
        return json.loads(answer.read())


class Raw(io.BytesIO):
    """Response body for botocore."""

    def stream(self, **_: Any) -> Any:
        yield self.read()


def answer(url: str, headers: dict[str, str], body: str = "") -> AWSResponse:
    return AWSResponse(url, 200, headers, Raw(body.encode()))


def send(request: Any, **_: Any) -> AWSResponse:
    query = parse_qs(urlsplit(request.url).query, keep_blank_values=True)
    if "uploads" in query:
        xml = f"<InitiateMultipartUploadResult><UploadId>{JOB}</UploadId></InitiateMultipartUploadResult>"
        return answer(request.url, {}, xml)
    if "partNumber" in query:
        [part] = call("/parts", {"partNumbers": [int(query["partNumber"][0])]})["parts"]
        put = urllib.request.Request(part["url"], request.body.read(), part["headers"], method="PUT")
        with urllib.request.urlopen(put) as stored:
            return answer(request.url, {"ETag": stored.headers["ETag"]})
    call("/upload-complete", {})
    return answer(request.url, {}, "<CompleteMultipartUploadResult><ETag>x</ETag></CompleteMultipartUploadResult>")


client = boto3.client(
    "s3",
    region_name="us-east-1",
    aws_access_key_id="none",
    aws_secret_access_key="none",
    config=Config(request_checksum_calculation="when_required"),
)
client.meta.events.register("before-send.s3", send)
client.upload_file(FILE, "bucket", "key", Config=TransferConfig(multipart_threshold=PART, multipart_chunksize=PART))
