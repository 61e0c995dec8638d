"""A web application firewall in front of the API."""

import json
from typing import Any

import pulumi
import pulumi_aws as aws

#: Seconds in which WAF counts the requests of an address, and the lowest limit (WAF developer guide, "Rate-based rule
#: high-level settings").
WINDOW_SECONDS = 300
MIN_LIMIT = 10
#: AWS's rules against common attacks. A body is a job, which may hold any text, so the rules that look into bodies only
#: count. Programs without a User-Agent are callers like others (WAF developer guide, "Core rule set (CRS)").
_COMMON = "AWSManagedRulesCommonRuleSet"
_COUNTED = (
    *("CrossSiteScripting_BODY", "EC2MetaDataSSRF_BODY", "GenericLFI_BODY", "GenericRFI_BODY"),
    *("NoUserAgent_HEADER", "SizeRestrictions_BODY"),
)


def firewall(owner: pulumi.Resource, stage: aws.apigateway.Stage, rate: float) -> None:
    """A web ACL with a rate rule and AWS's common rules, for this stage. `rate`: requests a second of one address."""
    child, name = pulumi.ResourceOptions(parent=owner), owner.pulumi_resource_name
    acl = aws.wafv2.WebAcl(
        name,
        scope="REGIONAL",
        default_action={"allow": {}},
        rule_json=json.dumps(_rules(max(MIN_LIMIT, round(rate * WINDOW_SECONDS)))),
        visibility_config={
            "cloudwatch_metrics_enabled": True,
            "metric_name": "api",
            "sampled_requests_enabled": False,  # a sample has the request's headers
        },
        opts=child,
    )
    aws.wafv2.WebAclAssociation(name, resource_arn=stage.arn, web_acl_arn=acl.arn, opts=child)


def _rules(limit: int) -> list[dict[str, Any]]:
    """The rules in the form of WAF's API, which the provider takes as JSON."""
    counted = [{"Name": rule, "ActionToUse": {"Count": {}}} for rule in _COUNTED]
    common = {"VendorName": "AWS", "Name": _COMMON, "RuleActionOverrides": counted}
    return [
        {
            "Name": "rate",
            "Priority": 0,
            "Action": {"Block": {}},
            "Statement": {"RateBasedStatement": {"Limit": limit, "AggregateKeyType": "IP"}},
            "VisibilityConfig": _visibility("rate"),
        },
        {
            "Name": "common",
            "Priority": 1,
            "OverrideAction": {"None": {}},
            "Statement": {"ManagedRuleGroupStatement": common},
            "VisibilityConfig": _visibility("common"),
        },
    ]


def _visibility(name: str) -> dict[str, Any]:
    return {"CloudWatchMetricsEnabled": True, "MetricName": name, "SampledRequestsEnabled": False}
