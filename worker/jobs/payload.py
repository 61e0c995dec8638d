"""Bodies in S3, as Amazon's SQS extended client library sends them. They are read and never deleted."""

import functools
import json
from dataclasses import replace
from typing import TYPE_CHECKING

from worker.job import Job, Reject

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

#: Message attributes that mark a body as a pointer: the library's current name, and its first one.
POINTER_ATTRIBUTES = ("ExtendedPayloadSize", "SQSLargePayloadSize")
#: The pointer's class names: the current one, and the first one.
POINTER_CLASSES = (
    "software.amazon.payloadoffloading.PayloadS3Pointer",
    "com.amazon.sqs.javamessaging.MessageS3Pointer",
)


def fetch(job: Job, bucket: str, region: str | None, max_bytes: int) -> Job:
    """The job with its body from the bucket, if its body is a pointer.

    Raises Reject when a further attempt cannot help (another bucket, no such object, too long, not text), and
    botocore's errors otherwise.
    """
    if not any(name in job.attributes for name in POINTER_ATTRIBUTES):
        return job
    key = _key(job.body, bucket)
    s3 = _client(region)
    try:
        answer = s3.get_object(Bucket=bucket, Key=key)
    except s3.exceptions.NoSuchKey as error:
        raise Reject(f"the body s3://{bucket}/{key} does not exist") from error
    with answer["Body"] as stream:
        if answer["ContentLength"] > max_bytes:
            raise Reject(
                f"the body s3://{bucket}/{key} has {answer['ContentLength']} bytes, "
                f"more than EBB_MAX_BODY_BYTES = {max_bytes}"
            )
        try:
            body = stream.read().decode()
        except UnicodeDecodeError as error:
            raise Reject(f"the body s3://{bucket}/{key} is not UTF-8") from error
    attributes = {name: value for name, value in job.attributes.items() if name not in POINTER_ATTRIBUTES}
    return replace(job, body=body, attributes=attributes)


def _key(body: str, bucket: str) -> str:
    try:
        kind, pointer = json.loads(body)
        named, key = pointer["s3BucketName"], pointer["s3Key"]
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise Reject(f"the attributes say that the body is in S3, but the body is not a pointer: {error!r}") from error
    if kind not in POINTER_CLASSES or not isinstance(key, str) or not key:
        raise Reject(f"the body is not a known pointer to S3: {kind!r}")
    if named != bucket:
        raise Reject(f"the body is in the bucket {named!r}, not in EBB_PAYLOAD_BUCKET = {bucket!r}")
    return key


@functools.cache
def _client(region: str | None) -> "S3Client":
    from worker.aws import clients  # noqa: PLC0415 - only bodies in S3 need it

    return clients.s3(region)
