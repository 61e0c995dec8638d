"""What counts as a change, what replaces, and what AWS may add without being one."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ebb.sandbox.provider.awsx import lifecycle_policy
from ebb.sandbox.provider.diff import changes, delete_first, observed, replacing
from ebb.sandbox.provider.resources import ROWS
from ebb.sandbox.provider.shapes import UNKNOWN, RefusedError

INSTANCE = ROWS["aws:ec2/instance:Instance"]
TASK = ROWS["aws:ecs/taskDefinition:TaskDefinition"]
Props = dict[str, Any]

values = st.recursive(
    st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)
properties = st.dictionaries(st.sampled_from(["ami", "tags", "userData", "rootBlockDevice"]), values)


@given(properties)
def test_nothing_differs_from_itself(props: Props) -> None:
    assert changes(INSTANCE, props, props) == {}


@given(properties, properties)
def test_what_is_added_one_way_is_deleted_the_other(old: Props, new: Props) -> None:
    turned = {"add": "delete", "delete": "add", "update": "update"}
    assert changes(INSTANCE, new, old) == {path: turned[kind] for path, kind in changes(INSTANCE, old, new).items()}


@given(properties)
def test_aws_showing_just_what_was_set_is_no_drift(props: Props) -> None:
    plain = {name: value for name, value in props.items() if name != "tags"}
    assert observed(INSTANCE, plain, plain) == plain


def test_a_path_goes_down_to_the_leaf_that_changed() -> None:
    old = {"rootBlockDevice": {"encrypted": False, "volumeSize": 8}, "tags": {"a": "1"}, "vpcSecurityGroupIds": ["x"]}
    new = {"rootBlockDevice": {"encrypted": True, "volumeSize": 8}, "tags": {"a.b": "1"}, "vpcSecurityGroupIds": []}
    assert changes(INSTANCE, old, new) == {
        "rootBlockDevice.encrypted": "update",
        "tags.a": "delete",
        'tags["a.b"]': "add",
        "vpcSecurityGroupIds[0]": "delete",
    }


@pytest.mark.parametrize(
    ("new", "expected"),
    [
        ({"rootBlockDevice": {"encrypted": True}}, {"rootBlockDevice.encrypted"}),
        ({"rootBlockDevice": {"volumeSize": 9}}, set()),
        ({"subnetId": UNKNOWN}, {"subnetId"}),
        ({"instanceType": "t3.nano"}, set()),
        ({"userData": "x"}, set()),
        ({"userData": "x", "userDataReplaceOnChange": True}, {"userData"}),
    ],
)
def test_only_what_the_table_names_replaces(new: Props, expected: set[str]) -> None:
    old: Props = {"subnetId": "subnet-1"}
    after = old | new
    assert replacing(INSTANCE, changes(INSTANCE, old, after), after) == expected


def test_true_and_one_are_two_values() -> None:
    assert changes(INSTANCE, {"monitoring": 1}, {"monitoring": True}) == {"monitoring": "update"}


def test_a_container_definition_is_compared_by_content_and_its_environment_in_any_order() -> None:
    one = [{"name": "w", "environment": [{"name": "B", "value": "1"}, {"name": "A", "value": "2"}], "secrets": []}]
    two = [{"environment": [{"value": "2", "name": "A"}, {"value": "1", "name": "B"}], "name": "w"}]
    old, new = {"containerDefinitions": json.dumps(one)}, {"containerDefinitions": json.dumps(two, indent=2)}
    assert changes(TASK, old, new) == {}
    two[0]["name"] = "v"
    assert changes(TASK, old, {"containerDefinitions": json.dumps(two)}) == {"containerDefinitions": "update"}


def test_what_aws_adds_to_a_document_or_a_list_s_order_is_no_drift() -> None:
    set_here = {"containerDefinitions": json.dumps([{"name": "w"}]), "requiresCompatibilities": ["FARGATE", "EC2"]}
    shown = {
        "containerDefinitions": json.dumps([{"name": "w", "cpu": 0, "essential": True}]),
        "requiresCompatibilities": ["EC2", "FARGATE"],
    }
    assert observed(TASK, set_here, shown) == set_here


def test_what_aws_shows_otherwise_is_drift() -> None:
    assert observed(TASK, {"cpu": "256"}, {"cpu": "512"}) == {"cpu": "512"}
    assert observed(TASK, {"cpu": "256"}, {"cpu": None}) == {}
    assert observed(INSTANCE, {"vpcSecurityGroupIds": ["a"]}, {"vpcSecurityGroupIds": ["a", "b"]}) == {
        "vpcSecurityGroupIds": ["a", "b"]
    }


def test_the_old_goes_first_where_both_would_have_one_name() -> None:
    policy, queue = ROWS["aws:ecr/lifecyclePolicy:LifecyclePolicy"], ROWS["aws:sqs/queue:Queue"]
    assert delete_first(policy, {"policy": "update"}, {"repository": "r"})
    assert not delete_first(policy, {"repository": "update"}, {"repository": "r"})
    assert delete_first(queue, {"fifoQueue": "update"}, {"name": "mine"})
    assert not delete_first(queue, {"fifoQueue": "update"}, {"name": "q-1", "__defaults": ["name"]})
    assert not delete_first(queue, {"name": "update"}, {"name": "other"})


def rules(**lifecycle: Any) -> list[Props]:
    document: dict[str, list[Props]] = json.loads(lifecycle_policy(lifecycle))
    return document["rules"]


def test_a_repository_without_rules_keeps_one_untagged_image_as_awsx_does() -> None:
    assert rules() == [
        {
            "rulePriority": 1,
            "description": "remove untagged images",
            "selection": {"tagStatus": "untagged", "countType": "imageCountMoreThan", "countNumber": 1},
            "action": {"type": "expire"},
        }
    ]


def test_the_rule_for_any_image_comes_last() -> None:
    found = rules(
        rules=[{"tagStatus": "any", "maximumAgeLimit": 30}, {"tagStatus": "untagged", "maximumNumberOfImages": 2}]
    )
    assert [(rule["rulePriority"], rule["selection"]["tagStatus"]) for rule in found] == [(1, "untagged"), (2, "any")]
    assert found[1]["selection"] == {
        "tagStatus": "any",
        "countType": "sinceImagePushed",
        "countNumber": 30,
        "countUnit": "days",
    }


def test_a_rule_without_a_limit_is_refused() -> None:
    with pytest.raises(RefusedError, match="maximumNumberOfImages or maximumAgeLimit"):
        rules(rules=[{"tagStatus": "any"}])
