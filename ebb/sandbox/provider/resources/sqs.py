"""SQS: a queue is a name and a map of attributes. Each policy resource is one attribute of a queue."""

from ebb.sandbox.provider.aws import Aws
from ebb.sandbox.provider.resources._row import Call, Props, Row, Tags, deletes, send, tag_map

#: Pulumi's property: the queue attribute, and SQS's value when the property is not set.
_ATTRIBUTES: dict[str, tuple[str, str]] = {
    "visibilityTimeoutSeconds": ("VisibilityTimeout", "30"),
    "messageRetentionSeconds": ("MessageRetentionPeriod", "345600"),
    "maxMessageSize": ("MaximumMessageSize", "262144"),
    "delaySeconds": ("DelaySeconds", "0"),
    "receiveWaitTimeSeconds": ("ReceiveMessageWaitTimeSeconds", "0"),
    "redrivePolicy": ("RedrivePolicy", ""),
    "fifoQueue": ("FifoQueue", "false"),
    "contentBasedDeduplication": ("ContentBasedDeduplication", "false"),
    "deduplicationScope": ("DeduplicationScope", "queue"),
    "fifoThroughputLimit": ("FifoThroughputLimit", "perQueue"),
    "kmsMasterKeyId": ("KmsMasterKeyId", ""),
    "kmsDataKeyReusePeriodSeconds": ("KmsDataKeyReusePeriodSeconds", "300"),
    "sqsManagedSseEnabled": ("SqsManagedSseEnabled", "true"),
}
_TAGS = Tags(service="sqs", target="queueUrl", tag="tag_queue", untag="untag_queue", source="id")


def _attributes(props: Props) -> dict[str, object]:
    return {name: props[key] for key, (name, _) in _ATTRIBUTES.items() if props.get(key) is not None}


def _request(props: Props) -> Call:
    # SQS refuses FifoQueue=false at creation: a standard queue does not have the attribute
    attributes = {name: value for name, value in _attributes(props).items() if (name, value) != ("FifoQueue", False)}
    return "sqs", "create_queue", {"queueName": props["name"], "attributes": attributes, "tags": props.get("tagsAll")}


def _create(aws: Aws, props: Props) -> tuple[str, Props]:
    url = send(aws, _request(props))["QueueUrl"]
    arn = _shown(aws, url)["QueueArn"]
    return url, {"arn": arn, "url": url}


def _shown(aws: Aws, url: str) -> dict[str, str]:
    answer = aws.find("sqs", "get_queue_attributes", queueUrl=url, attributeNames=["All"])
    return answer["Attributes"] if answer else {}


def _read(aws: Aws, url: str, _: Props) -> Props | None:
    shown = _shown(aws, url)
    if not shown:
        return None
    props: Props = {key: shown.get(name, default or None) for key, (name, default) in _ATTRIBUTES.items()}
    tags = tag_map(aws.call("sqs", "list_queue_tags", queueUrl=url).get("Tags"))
    return props | {"name": url.rsplit("/", 1)[1], "arn": shown["QueueArn"], "url": url, "tagsAll": tags}


def _update(aws: Aws, url: str, old: Props, new: Props) -> Props:
    changed = {
        name: new.get(key) if new.get(key) is not None else default
        for key, (name, default) in _ATTRIBUTES.items()
        if old.get(key) != new.get(key)
    }
    if changed:
        aws.call("sqs", "set_queue_attributes", queueUrl=url, attributes=changed)
    return {}


def _policy_row(kind: str, key: str, attribute: str) -> Row:
    """The row of a resource that is one attribute of an existing queue."""

    def request(props: Props) -> Call:
        return "sqs", "set_queue_attributes", {"queueUrl": props["queueUrl"], "attributes": {attribute: props[key]}}

    def create(aws: Aws, props: Props) -> tuple[str, Props]:
        send(aws, request(props))
        return props["queueUrl"], {}

    def read(aws: Aws, url: str, _: Props) -> Props | None:
        value = _shown(aws, url).get(attribute)
        return {"queueUrl": url, key: value} if value else None

    def delete(aws: Aws, url: str, _: Props) -> None:
        aws.find("sqs", "set_queue_attributes", queueUrl=url, attributes={attribute: ""})

    return Row(
        type=f"aws:sqs/{kind[0].lower()}{kind[1:]}:{kind}",
        inputs=frozenset({"queueUrl", key}),
        required=frozenset({"queueUrl", key}),
        documents=frozenset({key}),
        replaces=frozenset({"queueUrl"}),
        identity=frozenset({"queueUrl"}),
        request=request,
        create=create,
        read=read,
        update=lambda aws, _, __, new: create(aws, new)[1],
        delete=delete,
    )


ROWS = (
    Row(
        type="aws:sqs/queue:Queue",
        inputs=frozenset({"name", "tags", *_ATTRIBUTES}),
        documents=frozenset({"redrivePolicy"}),
        replaces=frozenset({"fifoQueue", "name"}),
        autoname=("name", 80),
        tags=_TAGS,
        request=_request,
        create=_create,
        read=_read,
        update=_update,
        delete=deletes("sqs", "delete_queue", queueUrl="id"),
    ),
    _policy_row("QueuePolicy", "policy", "Policy"),
    _policy_row("RedriveAllowPolicy", "redriveAllowPolicy", "RedriveAllowPolicy"),
)
