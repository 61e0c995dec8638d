"""Patches of MiniStack's SQS: a queue's messages, a FIFO queue's ids as AWS takes them, and move tasks."""

import json
import re
import time
import uuid
from collections import Counter
from collections.abc import Callable
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
    actions |= _move_tasks(queue, send_with_valid_ids)
    actions["SendMessage"] = sqs._act_send_message = send_with_valid_ids  # type: ignore[attr-defined]


def _move_tasks(queue: Callable[[str], Any], send: Callable[[dict[str, Any], str], Any]) -> dict[str, Any]:
    """StartMessageMoveTask, which moves all visible messages at once, and ListMessageMoveTasks. MiniStack has neither.

    "Redriven messages are treated as new messages with a new messageID" (SQS developer guide, "Dead-letter queue
    redrive").
    """
    tasks: dict[str, list[dict[str, Any]]] = {}

    def start(data: dict[str, Any], _url: str) -> Any:
        source, target = data["SourceArn"], data["DestinationArn"]
        messages, now = queue(source.rpartition(":")[2])["messages"], time.time()
        moved = [message for message in messages if message.get("visible_at", 0) <= now]
        for message in moved:
            ids = {"MessageGroupId": message.get("group_id"), "MessageDeduplicationId": message.get("dedup_id")}
            again = {"MessageBody": message["body"], "MessageAttributes": message.get("message_attributes") or {}}
            name = target.rpartition(":")[2]
            send({"QueueUrl": name, **again, **{key: value for key, value in ids.items() if value}}, name)
            messages.remove(message)
        handle = str(uuid.uuid4())
        about = {"Status": "COMPLETED", "SourceArn": source, "DestinationArn": target}
        counts = {"ApproximateNumberOfMessagesMoved": len(moved), "ApproximateNumberOfMessagesToMove": len(moved)}
        tasks.setdefault(source, []).insert(0, {**about, **counts, "StartedTimestamp": int(now * 1000)})
        return {"TaskHandle": handle}

    def listed(data: dict[str, Any], _url: str) -> Any:
        return {"Results": tasks.get(data["SourceArn"], [])[: data.get("MaxResults", 1)]}

    return {"StartMessageMoveTask": start, "ListMessageMoveTasks": listed}
