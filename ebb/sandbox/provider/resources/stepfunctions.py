"""Step Functions: state machines."""

from ebb.sandbox.provider.aws import Aws
from ebb.sandbox.provider.resources._row import Call, Props, Row, Tags, deletes, first, only, pick, send, tag_map
from ebb.sandbox.provider.shapes import UNKNOWN

_OFF = {"level": "OFF", "includeExecutionData": False}


def _logging(props: Props) -> Props:
    """LoggingConfiguration. Pulumi has one destination, AWS a list of one."""
    given = props.get("loggingConfiguration")
    if given in (None, UNKNOWN):
        return {"loggingConfiguration": _OFF}
    known = only(given, "loggingConfiguration", "level", "includeExecutionData", "logDestination")
    configuration = _OFF | pick(known, "level", "includeExecutionData")
    if known.get("logDestination"):
        configuration["destinations"] = [{"cloudWatchLogsLogGroup": {"logGroupArn": known["logDestination"]}}]
    return {"loggingConfiguration": configuration}


def _machine(props: Props) -> Call:
    params = pick(props, "name", "definition", "roleArn", "type", "tracingConfiguration", tags="tagsAll")
    return "stepfunctions", "create_state_machine", params | _logging(props)


def _create(aws: Aws, props: Props) -> tuple[str, Props]:
    arn = send(aws, _machine(props))["stateMachineArn"]
    return arn, {"arn": arn}


def _read(aws: Aws, arn: str, _: Props) -> Props | None:
    found = first(aws.find("stepfunctions", "describe_state_machine", stateMachineArn=arn))
    if found is None or found["status"] == "DELETING":
        return None
    logged = found["loggingConfiguration"]
    groups = [item["cloudWatchLogsLogGroup"]["logGroupArn"] for item in logged.get("destinations", [])]
    tags = aws.call("stepfunctions", "list_tags_for_resource", resourceArn=arn).get("tags")
    return found | {
        "arn": arn,
        "loggingConfiguration": pick(logged, "level", "includeExecutionData")
        | ({"logDestination": groups[0]} if groups else {}),
        "tagsAll": tag_map(tags),
    }


def _update(aws: Aws, arn: str, _: Props, new: Props) -> Props:
    tracing = new.get("tracingConfiguration") or {"enabled": False}
    params = pick(new, "definition", "roleArn") | _logging(new) | {"tracingConfiguration": tracing}
    aws.call("stepfunctions", "update_state_machine", stateMachineArn=arn, **params)
    return {}


ROWS = (
    Row(
        type="aws:sfn/stateMachine:StateMachine",
        inputs=frozenset(
            {"name", "definition", "roleArn", "type", "loggingConfiguration", "tracingConfiguration", "tags"}
        ),
        required=frozenset({"definition", "roleArn"}),
        documents=frozenset({"definition"}),
        replaces=frozenset({"name", "type"}),
        defaults={"type": "STANDARD"},
        autoname=("name", 80),
        tags=Tags(service="stepfunctions", target="resourceArn"),
        request=_machine,
        create=_create,
        read=_read,
        update=_update,
        delete=deletes("stepfunctions", "delete_state_machine", stateMachineArn="id"),
    ),
)
