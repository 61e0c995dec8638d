"""botocore's errors: which calls can be tried again, and what the service answered."""

from botocore.exceptions import BotoCoreError, ClientError

#: Errors of a botocore call that can be tried again: a refusal, no connection, a lost answer, or an answer that is not
#: the service's. botocore raises the last three on JSON of another shape. Only the call itself belongs into the `try`.
RETRYABLE_ERRORS = (BotoCoreError, ClientError, OSError, AttributeError, TypeError, ValueError)


def code(error: Exception) -> str:
    """The service's error code, in its short form; empty when the service did not answer."""
    return short_code(error.response.get("Error", {}).get("Code")) if isinstance(error, ClientError) else ""


def status(error: Exception) -> int | None:
    """The HTTP status of a refusal."""
    return error.response.get("ResponseMetadata", {}).get("HTTPStatusCode") if isinstance(error, ClientError) else None


def short_code(text: str | None) -> str:
    """ "MessageNotInflight" for "AWS.SimpleQueueService.MessageNotInflight", which SQS's older protocol wrote."""
    return (text or "").rpartition(".")[2].removesuffix("Exception")
