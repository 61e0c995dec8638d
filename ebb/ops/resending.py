"""Sends a received message once more, with all that belongs to it."""

from collections.abc import Collection, Mapping
from typing import Any

#: The system attributes that a receive must ask for.
ATTRIBUTES = ("MessageGroupId", "AWSTraceHeader")


def request(message: Mapping[str, Any], *, fifo: bool, without: Collection[str] = ()) -> dict[str, Any]:
    """The parameters of SendMessage, except the queue: body, attributes that are not in `without`, group and trace.

    A message that has no group gets a separate one in a FIFO queue. The deduplication id there is the message id: with
    the sender's, SQS would drop a job whose id it got within the last five minutes.
    """
    parameters: dict[str, Any] = {"MessageBody": message["Body"]}
    own = message.get("MessageAttributes", {})
    if attributes := {name: value for name, value in own.items() if name not in without}:
        parameters["MessageAttributes"] = attributes
    system = message.get("Attributes", {})
    # also in a standard queue, where groups make it fair
    if group := system.get("MessageGroupId") or (message["MessageId"] if fifo else None):
        parameters["MessageGroupId"] = group
    if fifo:
        parameters["MessageDeduplicationId"] = message["MessageId"]
    if trace := system.get("AWSTraceHeader"):
        parameters["MessageSystemAttributes"] = {"AWSTraceHeader": {"StringValue": trace, "DataType": "String"}}
    return parameters
