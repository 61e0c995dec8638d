"""A patch of MiniStack's SQS: GetQueueAttributes also returns which messages a queue has."""

import json
from types import ModuleType
from typing import Any

from ebb.sandbox.emulators.contracts import MINISTACK

#: An attribute that AWS does not have: [id, number of receives] of each message, as JSON. SQS has no such call, and the
#: sandbox needs it for the age of the oldest message.
MESSAGES = "EbbMessages"


def apply(sqs: ModuleType) -> None:
    """Patch MiniStack's SQS, in this process. Raises ContractError."""
    get = MINISTACK.function(sqs, "_act_get_queue_attributes", "(data, qurl)")
    queue = MINISTACK.function(sqs, "_get_q", "(url, action=None)")
    actions = MINISTACK.value(sqs, "_HANDLERS", dict)

    def get_with_messages(data: dict[str, Any], url: str) -> Any:
        answer = get(data, url)
        if MESSAGES in (data.get("AttributeNames") or ()):
            found = [(each["id"], each["receive_count"]) for each in queue(data.get("QueueUrl", url))["messages"]]
            answer["Attributes"][MESSAGES] = json.dumps(found)
        return answer

    actions["GetQueueAttributes"] = get_with_messages
