"""Bodies in S3, as Amazon's SQS extended client library sends them. They are read and never deleted."""

import functools
import json
from dataclasses import replace
from typing import TYPE_CHECKING

from worker.job import Job, Reject, UnableError

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

#: Message attributes that mark a body as a pointer: the library's current name, and its first one.
POINTER_ATTRIBUTES = ("ExtendedPayloadSize", "SQSLargePayloadSize")
#: The pointer's class names: the current one, and the first one.
POINTER_CLASSES = (
    "software.amazon.payloadoffloading.PayloadS3Pointer",
    "com.amazon.sqs.javamessaging.MessageS3Pointer",
)
#: S3's answers about the object itself (S3 API, "Error responses"). All others are about the bucket, the role or S3.
#: It does not exist, or no object can have such a key.
NO_OBJECT = {"NoSuchKey", "KeyTooLongError"}
#: It is in an archive: a later attempt may find it restored.
ARCHIVED = "InvalidObjectState"


def fetch(job: Job, bucket: str, region: str | None, max_bytes: int) -> Job:
    """The job with its body from the bucket, if its body is a pointer.

    Raises Reject when a further attempt cannot help (another bucket, no such object, too long, not text). UnableError
    means that the bucket cannot be read, ClientError that the object is in an archive.
    """
    if not any(name in job.attributes for name in POINTER_ATTRIBUTES):
        return job
    key = _key(job.body, bucket)
    try:
        body = _read(region, bucket, key, max_bytes).decode()
    except UnicodeDecodeError as error:
        raise Reject(f"the body s3://{bucket}/{key} is not UTF-8") from error
    attributes = {name: value for name, value in job.attributes.items() if name not in POINTER_ATTRIBUTES}
    return replace(job, body=body, attributes=attributes)


def _read(region: str | None, bucket: str, key: str, max_bytes: int) -> bytes:
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - only bodies in S3 need it

    from worker.aws import clients, errors  # noqa: PLC0415

    try:
        answer = _client(region).get_object(Bucket=bucket, Key=key)
        with answer["Body"] as stream:
            if answer["ContentLength"] > max_bytes:
                raise Reject(
                    f"the body s3://{bucket}/{key} has {answer['ContentLength']} bytes, "
                    f"more than EBB_MAX_BODY_BYTES = {max_bytes}"
                )
            return stream.read()
    except (BotoCoreError, ClientError, OSError, clients.ClientSetupError) as error:
        if (code := errors.code(error)) in NO_OBJECT:
            raise Reject(f"the body s3://{bucket}/{key} does not exist") from error
        if code == ARCHIVED:
            raise
        raise UnableError(f"the body s3://{bucket}/{key} cannot be read: {error}") from error


def _key(body: str, bucket: str) -> str:
    try:
        kind, pointer = json.loads(body)
        named, key = pointer["s3BucketName"], pointer["s3Key"]
        str(key).encode()  # JSON has escapes for half a character, which no key can be
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
