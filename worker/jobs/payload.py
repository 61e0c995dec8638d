"""Bodies that lie in S3, by the convention of Amazon's SQS extended client library; they are read, never deleted."""

import functools
import json
from dataclasses import replace
from typing import Any

from worker.job import Job, Reject

#: The message attributes that say "this body is a pointer": today's name, and the first one.
MARKS = ("ExtendedPayloadSize", "SQSLargePayloadSize")
#: The pointer's class names: today's, and the first one.
POINTERS = (
    "software.amazon.payloadoffloading.PayloadS3Pointer",
    "com.amazon.sqs.javamessaging.MessageS3Pointer",
)
#: Seconds to connect to S3, and to wait for its next bytes.
CONNECT_TIMEOUT, READ_TIMEOUT = 5, 20


def fetch(job: Job, bucket: str, region: str, longest: int) -> Job:
    """The job with its body from the bucket, if that is where it lies; `longest` in bytes.

    Raises Reject for what no further attempt can mend (another bucket, no such object, too long, not text), and
    botocore's errors for other trouble.
    """
    if not any(mark in job.attributes for mark in MARKS):
        return job
    key = _key(job.body, bucket)
    s3 = _client(region)
    try:
        answer = s3.get_object(Bucket=bucket, Key=key)
    except s3.exceptions.NoSuchKey as error:
        raise Reject(f"the body s3://{bucket}/{key} is not there") from error
    with answer["Body"] as stream:
        if answer["ContentLength"] > longest:
            raise Reject(
                f"the body s3://{bucket}/{key} has {answer['ContentLength']} bytes, "
                f"which is more than EBB_MAX_BODY_BYTES = {longest}"
            )
        try:
            body = stream.read().decode()
        except UnicodeDecodeError as error:
            raise Reject(f"the body s3://{bucket}/{key} is not UTF-8") from error
    attributes = {name: value for name, value in job.attributes.items() if name not in MARKS}
    return replace(job, body=body, attributes=attributes)


def _key(body: str, bucket: str) -> str:
    try:
        kind, pointer = json.loads(body)
        there, key = pointer["s3BucketName"], pointer["s3Key"]
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise Reject(f"its attributes say that the body lies in S3, but the body is no pointer: {error!r}") from error
    if kind not in POINTERS or not isinstance(key, str) or not key:
        raise Reject(f"the body is no pointer to S3 that is known here: {kind!r}")
    if there != bucket:
        raise Reject(f"the body lies in the bucket {there!r}, and not in EBB_PAYLOAD_BUCKET = {bucket!r}")
    return key


@functools.cache
def _client(region: str) -> Any:
    import boto3  # noqa: PLC0415 - only who has such bodies pays for it
    from botocore.config import Config  # noqa: PLC0415

    options = Config(connect_timeout=CONNECT_TIMEOUT, read_timeout=READ_TIMEOUT, tcp_keepalive=True)
    return boto3.client("s3", region_name=region, config=options)
