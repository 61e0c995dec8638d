"""Patches of MiniStack's SQS: which messages a queue has, and a FIFO queue's ids as AWS takes them."""

import json
import re
from collections import Counter
from types import ModuleType
from typing import Any

from ebb.sandbox.emulators.contracts import MINISTACK

#: An attribute that AWS does not have: [id, number of receives] of each message, as JSON. SQS has no such call, and the
#: sandbox needs it for the age of the oldest message.
MESSAGES = "EbbMessages"
#: The number of messages that the queue has delivered since it was created. SQS has it as a metric only.
RECEIVED = "EbbReceived"
#: Letters, digits and punctuation of ASCII, and no space (SQS API, SendMessage).
IDS = ("MessageGroupId", "MessageDeduplicationId")
_VALID_ID = re.compile(r"[!-~]{1,128}")


def apply(sqs: ModuleType) -> None:
    """Patch MiniStack's SQS, in this process. Raises ContractError."""
    get = MINISTACK.function(sqs, "_act_get_queue_attributes", "(data, qurl)")
    send = MINISTACK.function(sqs, "_act_send_message", "(data, qurl)")
    receive = MINISTACK.function(sqs, "_act_receive_message", "async (data, qurl)")
    queue = MINISTACK.function(sqs, "_get_q", "(url, action=None)")
    actions = MINISTACK.value(sqs, "_HANDLERS", dict)
    refusal = MINISTACK.value(sqs, "_Err", type)

    received = Counter[str]()

    async def receive_counted(data: dict[str, Any], url: str) -> Any:
        answer = await receive(data, url)
        received[data.get("QueueUrl", url)] += len(answer.get("Messages", ()))
        return answer

    def get_with_messages(data: dict[str, Any], url: str) -> Any:
        answer = get(data, url)
        if MESSAGES in (data.get("AttributeNames") or ()):
            found = [(each["id"], each["receive_count"]) for each in queue(data.get("QueueUrl", url))["messages"]]
            answer["Attributes"] |= {MESSAGES: json.dumps(found), RECEIVED: str(received[data.get("QueueUrl", url)])}
        return answer

    def send_with_valid_ids(data: dict[str, Any], url: str) -> Any:
        for name in IDS:
            if (value := data.get(name)) and not _VALID_ID.fullmatch(value):
                raise refusal(
                    "InvalidParameterValue",
                    f"Value {value} for parameter {name} is invalid. Reason: {name} can only include alphanumeric and "
                    "punctuation characters. 1 to 128 in length.",
                )
        return send(data, url)

    actions["GetQueueAttributes"] = get_with_messages
    actions["ReceiveMessage"] = receive_counted
    actions["SendMessage"] = sqs._act_send_message = send_with_valid_ids  # type: ignore[attr-defined]
