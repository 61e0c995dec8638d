import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

from tests.worker.conftest import Open
from tests.worker.harness import wired
from tests.worker.place import DONE, Place
from worker.job import Verdict

NOW = "software.amazon.payloadoffloading.PayloadS3Pointer"
ONCE = "com.amazon.sqs.javamessaging.MessageS3Pointer"
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
    assert place.do(body, attributes={"ExtendedPayloadSize": "5"}) == DONE
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
    result = place.do(body, attributes={"ExtendedPayloadSize": "5"})
    assert result.verdict is Verdict.REJECT
    assert (result.reason or "").startswith(reason)
    assert not (place.folder / "seen").exists()


@pytest.mark.parametrize(
    "trouble",
    [{"EBB_PAYLOAD_BUCKET": "no-such-bucket"}, {"EBB_AWS_ENDPOINT_URL": "http://127.0.0.1:9"}],
)
def test_other_trouble_with_s3_is_a_failed_attempt(with_bucket: Open, trouble: dict[str, str]) -> None:
    place = with_bucket(**trouble)
    bucket = trouble.get("EBB_PAYLOAD_BUCKET", "bodies")
    result = place.do(pointer("key", bucket), attributes={"ExtendedPayloadSize": "5"})
    assert result.verdict is Verdict.FAILED
    assert result.traceback
