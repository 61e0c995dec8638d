import json
from collections.abc import Iterator
from typing import Any
from unittest.mock import MagicMock

import boto3
import pytest
from botocore.exceptions import ClientError, ReadTimeoutError, ResponseStreamingError
from botocore.stub import Stubber
from moto.server import ThreadedMotoServer

from tests.worker.conftest import Open
from tests.worker.harness import wired
from tests.worker.place import DONE, Place
from worker.job import Job, Reject, UnableError, Verdict
from worker.jobs import payload

NOW = "software.amazon.payloadoffloading.PayloadS3Pointer"
ONCE = "com.amazon.sqs.javamessaging.MessageS3Pointer"
MARK = {"ExtendedPayloadSize": "5"}
HANDLER = """
import os, sys
from pathlib import Path
def handle(job):
    seen = (len(job.body), job.body[:9], dict(job.attributes), "botocore" in sys.modules)
    Path(os.environ["NOTES"], "seen").write_text(repr(seen))
"""


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def s3(endpoint: str) -> Any:
    client = boto3.Session("test", "test", region_name="us-east-1").client("s3", endpoint_url=endpoint)
    client.create_bucket(Bucket="bodies")
    return client


@pytest.fixture(scope="module")
def s3_alone() -> Any:
    """A client that is never connected."""
    return boto3.Session("test", "test", region_name="us-east-1").client("s3")


@pytest.fixture
def with_bucket(open_place: Open, endpoint: str) -> Open:
    def with_bucket(**environment: str) -> Place:
        basis = wired(endpoint) | {"EBB_PAYLOAD_BUCKET": "bodies"}
        place = open_place(HANDLER, **(basis | environment))
        assert place.ready().error is None
        return place

    return with_bucket


def pointer(key: str, bucket: str = "bodies", kind: str = NOW) -> str:
    return json.dumps([kind, {"s3BucketName": bucket, "s3Key": key}])


@pytest.mark.parametrize(("kind", "mark"), [(NOW, "ExtendedPayloadSize"), (ONCE, "SQSLargePayloadSize")])
def test_a_body_in_s3_reaches_the_handler_without_a_trace_of_its_journey(
    with_bucket: Open, s3: Any, kind: str, mark: str
) -> None:
    body = "ä" * 1_500_000
    s3.put_object(Bucket="bodies", Key="dir/a key+1", Body=body.encode())
    place = with_bucket(EBB_MAX_BODY_BYTES="3000000")
    attributes = {mark: "3000000", "colour": "blue"}
    assert place.do(pointer("dir/a key+1", kind=kind), attributes=attributes) == DONE
    assert place.note("seen") == "(1500000, 'äääääääää', {'colour': 'blue'}, True)"
    assert s3.head_object(Bucket="bodies", Key="dir/a key+1")["ContentLength"] == 3_000_000


def test_other_bodies_are_left_as_they_are_and_cost_no_boto3(with_bucket: Open) -> None:
    place = with_bucket()
    body = pointer("key")
    assert place.do(body) == DONE  # without its attribute it is a body like any other
    assert place.note("seen") == f"({len(body)}, {body[:9]!r}, {{}}, False)"


def test_without_a_bucket_a_pointer_is_a_body_like_any_other(with_bucket: Open) -> None:
    place = with_bucket(EBB_PAYLOAD_BUCKET="")
    body = pointer("key")
    assert place.do(body, attributes=MARK) == DONE
    assert place.note("seen") == f"({len(body)}, {body[:9]!r}, {{'ExtendedPayloadSize': '5'}}, False)"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (pointer("gone"), "the body s3://bodies/gone does not exist"),
        (
            pointer("key", bucket="elsewhere"),
            "the body is in the bucket 'elsewhere', not in EBB_PAYLOAD_BUCKET = 'bodies'",
        ),
        (pointer("key", kind="my.Pointer"), "the body is not a known pointer to S3: 'my.Pointer'"),
        (
            pointer("\ud800"),
            "the attributes say that the body is in S3, but the body is not a pointer: UnicodeEncodeErr",
        ),
        (pointer(""), f"the body is not a known pointer to S3: {NOW!r}"),
        (
            "hello",
            "the attributes say that the body is in S3, but the body is not a pointer: JSONDecodeError('Expecting",
        ),
        ("[" * 100_000, "the attributes say that the body is in S3, but the body is not a pointer: RecursionError("),
        ("7", "the attributes say that the body is in S3, but the body is not a pointer: TypeError("),
        ("[1, 2, 3]", "the attributes say that the body is in S3, but the body is not a pointer: ValueError("),
        ('["a", {}]', "the attributes say that the body is in S3, but the body is not a pointer: KeyError('s3Buc"),
        (pointer("long"), "the body s3://bodies/long has 101 bytes, more than EBB_MAX_BODY_BYTES = 100"),
        (pointer("binary"), "the body s3://bodies/binary is not UTF-8"),
        (pointer("blank"), "the body is empty"),
    ],
)
def test_what_no_further_attempt_can_mend_is_rejected(with_bucket: Open, s3: Any, body: str, reason: str) -> None:
    s3.put_object(Bucket="bodies", Key="long", Body=b"x" * 101)
    s3.put_object(Bucket="bodies", Key="binary", Body=b"\xff\xfe\x00")
    s3.put_object(Bucket="bodies", Key="blank", Body=b" \n")
    place = with_bucket(EBB_MAX_BODY_BYTES="100")
    result = place.do(body, attributes=MARK)
    assert result.verdict is Verdict.REJECT
    assert (result.reason or "").startswith(reason)
    assert not (place.folder / "seen").exists()


@pytest.mark.parametrize(
    ("trouble", "reason"),
    [
        ({"EBB_PAYLOAD_BUCKET": "no-such-bucket"}, "The specified bucket does not exist"),
        ({"EBB_AWS_ENDPOINT_URL": "http://127.0.0.1:9"}, "Could not connect to the endpoint URL"),
    ],
)
def test_a_bucket_that_cannot_be_read_is_not_the_jobs_fault(
    with_bucket: Open, trouble: dict[str, str], reason: str
) -> None:
    place = with_bucket(**trouble)
    bucket = trouble.get("EBB_PAYLOAD_BUCKET", "bodies")
    place.start(pointer("key", bucket), attributes=MARK)
    ended = place.ended()
    assert ended.result.verdict is Verdict.UNABLE
    assert (ended.result.reason or "").startswith(f"the body s3://{bucket}/key cannot be read: ")
    assert reason in (ended.result.reason or "")
    assert (ended.result.traceback, ended.alive) == (None, False)  # the next child may have better luck


def fetch(monkeypatch: pytest.MonkeyPatch, client: Any) -> None:
    monkeypatch.setattr(payload, "_client", lambda _region: client)
    payload.fetch(Job(id="1", body=pointer("key"), attributes=MARK), "bodies", "us-east-1", 100)


@pytest.mark.parametrize(
    ("status", "code", "raised"),
    [
        (403, "AccessDenied", UnableError),  # also where the role may not use the object's KMS key
        (400, "KMS.DisabledException", UnableError),
        (403, "InvalidAccessKeyId", UnableError),
        (301, "PermanentRedirect", UnableError),
        (503, "SlowDown", UnableError),
        (500, "InternalError", UnableError),
        (404, "NoSuchBucket", UnableError),
        (404, "NoSuchKey", Reject),
        (400, "KeyTooLongError", Reject),
        (403, "InvalidObjectState", ClientError),
    ],
)
def test_what_s3_answers_about_the_object_is_the_jobs_own_and_all_else_is_not(
    monkeypatch: pytest.MonkeyPatch, s3_alone: Any, status: int, code: str, raised: type[Exception]
) -> None:
    with Stubber(s3_alone) as stub:
        stub.add_client_error("get_object", code, http_status_code=status)
        with pytest.raises(raised):
            fetch(monkeypatch, s3_alone)


@pytest.mark.parametrize("error", [ReadTimeoutError(endpoint_url="s3"), ResponseStreamingError(error="reset")])
def test_a_body_that_breaks_off_is_not_the_jobs_fault(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    stream = MagicMock()
    stream.__enter__.return_value.read.side_effect = error
    with pytest.raises(UnableError, match="the body s3://bodies/key cannot be read"):
        fetch(monkeypatch, MagicMock(get_object=lambda **_: {"Body": stream, "ContentLength": 5}))
