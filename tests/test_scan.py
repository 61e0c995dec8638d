"""`make scan`: deployed resources become a plan, and scanners' answers are read. The scanners here are scripts."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.scan import scanners
from tests.scan.plan import plan, type_of


def test_types_have_terraform_s_names() -> None:
    names = {
        "aws:ec2/vpc:Vpc": "aws_vpc",
        "aws:ec2/defaultNetworkAcl:DefaultNetworkAcl": "aws_default_network_acl",
        "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": "aws_vpc_security_group_egress_rule",
        "aws:apigateway/methodSettings:MethodSettings": "aws_api_gateway_method_settings",
        "aws:apigateway/response:Response": "aws_api_gateway_gateway_response",
        "aws:cloudwatch/logGroup:LogGroup": "aws_cloudwatch_log_group",
    }
    assert {token: type_of(token) for token in names} == names


def test_a_plan_has_values_blocks_and_references() -> None:
    resources: dict[tuple[str, str], dict[str, Any]] = {
        ("aws:apigateway/restApi:RestApi", "api"): {"id": "1a", "endpointConfiguration": {"types": "REGIONAL"}},
        ("aws:apigateway/stage:Stage", "api"): {"id": "s", "restApi": "1a", "stageName": "run", "tags": {"Name": "x"}},
        ("aws:ecs/service:Service", "worker-1"): {
            "id": "w",
            "capacityProviderStrategies": [{"capacityProvider": "FARGATE", "weight": 1}],
            "desiredCount": 0,
        },
    }
    made = plan(resources)
    values = {block["address"]: block["values"] for block in made["planned_values"]["root_module"]["resources"]}
    assert values == {
        "aws_api_gateway_rest_api.api": {"id": "1a", "endpoint_configuration": [{"types": "REGIONAL"}]},
        "aws_api_gateway_stage.api": {"id": "s", "rest_api_id": "1a", "stage_name": "run", "tags": {"Name": "x"}},
        "aws_ecs_service.worker_1": {
            "id": "w",
            "capacity_provider_strategy": [{"capacity_provider": "FARGATE", "weight": 1}],
            "desired_count": 0,
        },
    }
    _, stage, _ = made["configuration"]["root_module"]["resources"]
    assert stage["expressions"] == {"rest_api_id": {"references": ["aws_api_gateway_rest_api.api"]}}


def script(folder: Path, report: dict[str, Any], code: int) -> str:
    """A program that prints the report; its path is relative to the folder above."""
    program = folder / "scanner"
    program.write_text(f"#!/bin/sh\ncat <<'END'\n{json.dumps(report)}\nEND\nexit {code}\n")
    program.chmod(0o755)
    return f"{folder.name}/scanner"


def test_findings_are_counted_by_check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path.parent)
    failed = [{"check_id": check} for check in ("CKV_1", "CKV_2", "CKV_1")]
    report = {"summary": {"passed": 3, "parsing_errors": 0}, "results": {"failed_checks": failed}}
    found = scanners.checkov(script(tmp_path, report, 1), {}, tmp_path)
    assert found == Counter({"CKV_1": 2, "CKV_2": 1})


@pytest.mark.parametrize(
    ("report", "code", "text"),
    [
        ({"summary": {"passed": 0, "parsing_errors": 0}}, 0, "checkov read no resources"),
        ({"summary": {"passed": 9, "parsing_errors": 1}}, 0, "checkov read no resources"),
        ({}, 2, "checkov ended with 2"),
    ],
)
def test_a_scanner_that_has_read_nothing_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, report: dict[str, Any], code: int, text: str
) -> None:
    monkeypatch.chdir(tmp_path.parent)
    with pytest.raises(scanners.ScannerError, match=text):
        scanners.checkov(script(tmp_path, report, code), {}, tmp_path)
