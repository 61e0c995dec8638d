"""SNS: topics, their policies and subscriptions. A topic is a name and a map of attributes."""

import json

from ebb.sandbox.provider.aws import Aws
from ebb.sandbox.provider.resources._row import Call, Props, Row, Tags, deletes, send, tag_map

_TOPIC = {"displayName": "DisplayName", "kmsMasterKeyId": "KmsMasterKeyId"}


def _topic(props: Props) -> Call:
    attributes = {name: props[key] for key, name in _TOPIC.items() if props.get(key) is not None}
    return "sns", "create_topic", {"name": props["name"], "attributes": attributes, "tags": props.get("tagsAll")}


def _create_topic(aws: Aws, props: Props) -> tuple[str, Props]:
    arn = send(aws, _topic(props))["TopicArn"]
    return arn, {"arn": arn, "owner": aws.account}


def _read_topic(aws: Aws, arn: str, _: Props) -> Props | None:
    found = aws.find("sns", "get_topic_attributes", topicArn=arn)
    if found is None:
        return None
    tags = tag_map(aws.call("sns", "list_tags_for_resource", resourceArn=arn)["Tags"])
    return {key: found["Attributes"].get(name) or None for key, name in _TOPIC.items()} | {
        "name": arn.rsplit(":", 1)[1],
        "arn": arn,
        "tagsAll": tags,
    }


def _update_topic(aws: Aws, arn: str, old: Props, new: Props) -> Props:
    for key, name in _TOPIC.items():
        if old.get(key) != new.get(key):
            value = new[key] if new.get(key) is not None else ""
            aws.call("sns", "set_topic_attributes", topicArn=arn, attributeName=name, attributeValue=value)
    return {}


def _policy(props: Props) -> Call:
    return "sns", "set_topic_attributes", {
        "topicArn": props.get("arn"), "attributeName": "Policy", "attributeValue": props.get("policy"),
    }  # fmt: skip


def _put_policy(aws: Aws, props: Props) -> tuple[str, Props]:
    send(aws, _policy(props))
    return props["arn"], {"owner": aws.account}


def _read_policy(aws: Aws, arn: str, _: Props) -> Props | None:
    found = aws.find("sns", "get_topic_attributes", topicArn=arn)
    policy = found["Attributes"].get("Policy") if found else None
    return {"arn": arn, "policy": policy} if policy else None


def _delete_policy(aws: Aws, arn: str, _: Props) -> None:
    """Set the policy of a new topic: SNS has no topic without a policy."""
    statement = {
        "Sid": "__default_statement_ID",
        "Effect": "Allow",
        "Principal": {"AWS": "*"},
        "Action": [
            "SNS:Publish",
            "SNS:Subscribe",
            "SNS:GetTopicAttributes",
            "SNS:SetTopicAttributes",
            "SNS:DeleteTopic",
        ],
        "Resource": arn,
        "Condition": {"StringEquals": {"AWS:SourceOwner": aws.account}},
    }
    policy = json.dumps({"Version": "2008-10-17", "Id": "__default_policy_ID", "Statement": [statement]})
    aws.find("sns", "set_topic_attributes", topicArn=arn, attributeName="Policy", attributeValue=policy)


def _subscription(props: Props) -> Call:
    params = {"topicArn": props.get("topic"), "protocol": props.get("protocol"), "endpoint": props.get("endpoint")}
    return "sns", "subscribe", params | {"returnSubscriptionArn": True}


def _subscribe(aws: Aws, props: Props) -> tuple[str, Props]:
    arn = send(aws, _subscription(props))["SubscriptionArn"]
    return arn, {"arn": arn, "ownerId": aws.account, "pendingConfirmation": False}


def _read_subscription(aws: Aws, arn: str, _: Props) -> Props | None:
    found = aws.find("sns", "get_subscription_attributes", subscriptionArn=arn)
    if found is None:
        return None
    shown = found["Attributes"]
    return {"topic": shown["TopicArn"], "protocol": shown["Protocol"], "endpoint": shown["Endpoint"], "arn": arn}


ROWS = (
    Row(
        type="aws:sns/topic:Topic",
        inputs=frozenset({"name", "tags", *_TOPIC}),
        replaces=frozenset({"fifoTopic", "name"}),
        autoname=("name", 256),
        tags=Tags(service="sns", target="resourceArn"),
        request=_topic,
        create=_create_topic,
        read=_read_topic,
        update=_update_topic,
        delete=deletes("sns", "delete_topic", topicArn="id"),
    ),
    Row(
        type="aws:sns/topicPolicy:TopicPolicy",
        inputs=frozenset({"arn", "policy"}),
        required=frozenset({"arn", "policy"}),
        documents=frozenset({"policy"}),
        replaces=frozenset({"arn"}),
        identity=frozenset({"arn"}),
        request=_policy,
        create=_put_policy,
        read=_read_policy,
        update=lambda aws, _, __, new: _put_policy(aws, new)[1],
        delete=_delete_policy,
    ),
    Row(
        type="aws:sns/topicSubscription:TopicSubscription",
        inputs=frozenset({"topic", "protocol", "endpoint"}),
        required=frozenset({"topic", "protocol", "endpoint"}),
        replaces=frozenset({"endpoint", "protocol", "topic"}),
        request=_subscription,
        create=_subscribe,
        read=_read_subscription,
        delete=deletes("sns", "unsubscribe", subscriptionArn="id"),
    ),
)
