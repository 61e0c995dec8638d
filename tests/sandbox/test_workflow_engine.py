"""What workflows may rely on: JSONata's functions, services by the SDK, errors under AWS's names, limits."""

import json
from typing import Any

import pytest

from ebb.sandbox.emulators.ministack.models import service_model
from ebb.sandbox.emulators.ministack.stepfunctions.aws_sdk import error_of, java_name
from ebb.sandbox.emulators.region import Region

ROLE = "arn:aws:iam::000000000000:role/r"
KEY = {"id": {"S": "{% $states.input.id %}"}}


@pytest.fixture(scope="module")
def region(one_region: Region) -> Region:
    """One account for all tests of this file."""
    one_region.reset()
    one_region.client("dynamodb").create_table(
        TableName="jobs",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    return one_region


def run(region: Region, given: Any, **states: Any) -> dict[str, Any]:
    """The end of a workflow that begins with the first of these states: its status, output, error and cause."""
    definition = {"QueryLanguage": "JSONata", "StartAt": next(iter(states)), "States": states}
    client = region.client("stepfunctions")
    made = client.create_state_machine(name="w", type="EXPRESS", roleArn=ROLE, definition=json.dumps(definition))
    machine = made["stateMachineArn"]
    ended = client.start_sync_execution(stateMachineArn=machine, input=json.dumps(given, ensure_ascii=False))
    client.delete_state_machine(stateMachineArn=machine)
    found = {name: ended[name] for name in ("status", "error", "cause", "output") if name in ended}
    return found | ({"output": json.loads(found["output"])} if "output" in found else {})


def task(action: str, **state: Any) -> dict[str, Any]:
    arguments = {name: state.pop(name) for name in list(state) if name not in STATE_FIELDS}
    return {"Type": "Task", "Resource": f"arn:aws:states:::aws-sdk:{action}", "Arguments": arguments, **state}


STATE_FIELDS = {"Next", "End", "Catch", "Retry", "Output", "Assign", "TimeoutSeconds"}
END = {"Type": "Pass", "End": True}
ERROR = {"ErrorEquals": ["States.ALL"], "Output": "{% $states.errorOutput.Error %}", "Next": "End"}

#: Expressions with their values; the first lines are the examples of the Step Functions developer guide.
EXPRESSIONS = {
    "$partition([1,2,3,4,5,6,7,8,9], 4)": [[1, 2, 3, 4], [5, 6, 7, 8], [9]],
    "$range(0, 10, 2)": [0, 2, 4, 6, 8, 10],
    "$range(5, 1, -2)": [5, 3, 1],
    "$hash('k', 'SHA-256')": "8254c329a92850f6d539dd376f4816ee2764517da5e0235514af433164480d7a",
    "$substring($hash('é', 'MD5'), 0, 8)": "66ddcd97",
    "$random(5) = $random(5) and $random() < 1": True,
    "$length($uuid())": 36,
    """$parse('{"a": [1, null, {"b": "é"}]}')""": {"a": [1, None, {"b": "é"}]},
    "$parse('null')": None,
    """$string({"a": "é😀", "b": [1, 2.5, null]})""": '{"a":"é😀","b":[1,2.5,null]}',
    "$match('abc-12', /^[a-z]+-([0-9]+)$/).groups": ["12"],
    "$contains('12\\n', /^[0-9]+$/)": False,
    "$contains('٣', /^\\d+$/)": False,
    "$contains('a$', /^a[$]$/) and $contains('a$', /a\\$$/)": True,
    "$contains('ABC', /b/i)": True,
    "$replace('2021-03', /(\\d+)-(\\d+)/, '$2/$1')": "03/2021",
    "$split('a,b;c', /[,;]/)": ["a", "b", "c"],
    "$toMillis('2024-01-01T00:00:00.123+02:00')": 1704060000123,
    "$fromMillis(1704067200000, '[Y0001]-[M01]-[D01]T[H01]:[m01]:[s01]')": "2024-01-01T00:00:00",
    "$fromMillis(1704067200123)": "2024-01-01T00:00:00.123Z",
    "$floor($millis() / 1000) > 1700000000": True,
    "$exists($states.input.none) or $states.input.none = ''": False,
    "[$filter([1, 2, 3], function($v) { $v > 2 })]": [3],
}


def test_jsonata_s_functions_and_those_that_step_functions_adds(region: Region) -> None:
    output = [f"{{% {expression} %}}" for expression in EXPRESSIONS]
    ended = run(region, {}, Look={"Type": "Pass", "Output": output, "End": True})
    assert dict(zip(EXPRESSIONS, ended["output"], strict=True)) == EXPRESSIONS


@pytest.mark.parametrize("expression", ["$parse('NaN')", "$parse('')", "$toMillis('tomorrow')", "$states.input.none"])
def test_an_expression_without_a_value_is_a_query_evaluation_error(region: Region, expression: str) -> None:
    ended = run(region, {}, Look={"Type": "Pass", "Output": f"{{% {expression} %}}", "End": True})
    assert (ended["status"], ended["error"]) == ("FAILED", "States.QueryEvaluationError")
    assert "output" not in ended


def test_a_failed_condition_is_caught_by_its_name_and_the_item_is_read(region: Region) -> None:
    condition = "attribute_not_exists(id) OR expires < :now"
    put = task(
        "dynamodb:putItem",
        TableName="jobs",
        Item={**KEY, "expires": {"N": "{% $string($states.input.expires) %}"}, "ok": {"Bool": True}},
        ConditionExpression=condition,
        ExpressionAttributeValues={":now": {"N": "200"}},
        Catch=[{"ErrorEquals": ["DynamoDb.ConditionalCheckFailedException"], "Next": "Get"}],
        Output="new",
        Next="End",
    )
    get = task("dynamodb:getItem", TableName="jobs", Key={"id": {"S": "a"}}, ConsistentRead=True, End=True)
    given = {"id": "a", "expires": 1000}
    assert run(region, given, Put=put, Get=get, End=END)["output"] == "new"
    again = run(region, given, Put=put, Get=get, End=END)
    assert again["output"] == {"Item": {"id": {"S": "a"}, "expires": {"N": "1000"}, "ok": {"Bool": True}}}


@pytest.mark.parametrize(
    ("action", "arguments", "error"),
    [
        ("dynamodb:getItem", {"TableName": "none", "Key": {"id": {"S": "a"}}}, "DynamoDb.ResourceNotFoundException"),
        ("dynamodb:getItem", {"TableName": "jobs", "Key": {"id": {"N": "1"}}}, "DynamoDb.DynamoDbException"),
        ("sqs:sendMessage", {"QueueUrl": "http://none/0/none", "MessageBody": "a"}, "Sqs.QueueDoesNotExistException"),
        ("dynamodb:getItem", {"TableName": "jobs", "Keys": {}}, "States.Runtime"),
        ("dynamodb:getItem", {"TableName": "jobs"}, "States.Runtime"),
        ("dynamodb:eatItem", {}, "States.Runtime"),
        ("nothing:getItem", {}, "States.Runtime"),
    ],
)
def test_errors_have_the_names_of_the_sdk_for_java(region: Region, action: str, arguments: Any, error: str) -> None:
    ended = run(region, {}, Call=task(action, **arguments, End=True))
    assert (ended["status"], ended["error"]) == ("FAILED", error)


@pytest.mark.parametrize(
    ("service", "code", "name"),
    [
        ("dynamodb", "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException", None),
        ("scheduler", "ConflictException", None),
        ("sqs", "com.amazonaws.sqs#QueueDoesNotExist", "QueueDoesNotExistException"),
        ("sqs", "InvalidParameterValue", "SqsException"),
        ("cloudwatch", "ResourceNotFound", "ResourceNotFoundException"),
    ],
)
def test_an_error_that_no_model_declares_has_the_service_s_own_name(service: str, code: str, name: str | None) -> None:
    model = service_model(service)
    assert model is not None
    error, cause = error_of(model, 400, {"Code": code, "Message": "no"})
    assert error.partition(".")[2] == (name or code.rpartition("#")[2])
    assert cause.startswith(f"no (Service: {error.partition('.')[0]}, Status Code: 400, Request ID: ")


@pytest.mark.parametrize(
    ("shape", "name"),
    [("QueueDoesNotExist", "QueueDoesNotExistException"), ("DBClusterNotFoundFault", "DbClusterNotFoundException")],
)
def test_an_error_has_the_name_that_java_gives_it(shape: str, name: str) -> None:
    assert java_name(shape) == name


def test_a_map_goes_on_after_an_item_s_error_and_ends_with_one_that_is_not_caught(region: Region) -> None:
    put = task("dynamodb:putItem", TableName="{% $states.input.table %}", Item=KEY, Output="stored", Next="End")
    caught = {"Put": put | {"Catch": [ERROR]}, "End": END}
    items = [{"id": "m1", "table": "jobs"}, {"id": "m2", "table": "none"}, {"id": "m3", "table": "jobs"}]
    each = {"Type": "Map", "Items": "{% $states.input %}", "End": True}
    processor = {"ProcessorConfig": {"Mode": "INLINE"}, "StartAt": "Put"}
    ended = run(region, items, Each=each | {"ItemProcessor": processor | {"States": caught}})
    assert ended["output"] == ["stored", "DynamoDb.ResourceNotFoundException", "stored"]
    ended = run(region, items, Each=each | {"ItemProcessor": processor | {"States": {"Put": put, "End": END}}})
    assert (ended["status"], ended["error"]) == ("FAILED", "DynamoDb.ResourceNotFoundException")


def test_a_task_is_tried_again_and_then_caught_with_its_cause(region: Region) -> None:
    retry = [{"ErrorEquals": ["DynamoDb.ResourceNotFoundException"], "IntervalSeconds": 1, "MaxAttempts": 2}]
    catch = [{"ErrorEquals": ["States.ALL"], "Output": "{% $states.errorOutput.Cause %}", "Next": "End"}]
    call = task("dynamodb:getItem", TableName="none", Key={"id": {"S": "a"}}, Retry=retry, Catch=catch, Next="End")
    ended = run(region, {}, Call=call, End=END)
    assert "(Service: DynamoDb, Status Code: 400, Request ID: " in ended["output"]


def test_a_task_s_timeout_is_an_error_and_states_all_does_not_match_a_wrong_definition(region: Region) -> None:
    url = region.client("sqs").create_queue(QueueName="empty")["QueueUrl"]
    limits = {"TimeoutSeconds": 0.2, "Catch": [ERROR]}
    late = task("sqs:receiveMessage", QueueUrl=url, WaitTimeSeconds=3, Next="End", **limits)
    wrong = late | {"Arguments": {"Queue": url}}
    assert run(region, {}, Call=late, End=END)["output"] == "States.Timeout"
    assert run(region, {}, Call=wrong, End=END)["error"] == "States.Runtime"


def test_a_state_s_output_and_an_input_have_a_limit(region: Region) -> None:
    long = {"Type": "Pass", "Output": "{% $join([$states.input, $states.input]) %}", "End": True}
    assert run(region, "é" * 65_500, Long=long)["status"] == "SUCCEEDED"
    assert run(region, "é" * 65_600, Long=long)["error"] == "States.DataLimitExceeded"
    client = region.client("stepfunctions")
    with pytest.raises(client.exceptions.ClientError, match="ValidationException"):
        run(region, "x" * 262_144, End=END)


def test_an_input_that_is_not_json_starts_nothing(region: Region) -> None:
    client = region.client("stepfunctions")
    made = client.create_state_machine(
        name="no-json", type="EXPRESS", roleArn=ROLE, definition=json.dumps({"StartAt": "a", "States": {"a": END}})
    )
    for start in (client.start_execution, client.start_sync_execution):
        with pytest.raises(client.exceptions.InvalidExecutionInput):
            start(stateMachineArn=made["stateMachineArn"], input="{")
