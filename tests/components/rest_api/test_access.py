"""Who may reach the API: resource policy, private APIs, domain name and firewall."""

import json
from typing import Any

import pytest

from settings import Domain
from tests.components.apis import API, DEPLOYMENT, GUARD, STAGE, A, api
from tests.components.harness import ACCOUNT, REGION

CERTIFICATE = f"arn:aws:acm:{REGION}:{ACCOUNT}:certificate/1"
DOMAIN = Domain(name="jobs.example.com", certificate_arn=CERTIFICATE, zone_id="Z0123456789")


def statements(**settings: Any) -> dict[str, dict[str, Any]]:
    made = api(**settings).one(GUARD)
    assert made.inputs["restApiId"] == "api-id"
    found = {statement.pop("Sid"): statement for statement in made.statements}
    for statement in found.values():
        assert (statement.pop("Principal"), statement.pop("Action")) == ("*", "execute-api:Invoke")
        assert statement.pop("Resource").endswith("/*")
    return found


TLS = {"Effect": "Deny", "Condition": {"Bool": {"aws:SecureTransport": "false"}}}


def test_each_request_needs_tls_and_signed_ones_their_own_permission() -> None:
    assert statements() == {"TlsOnly": TLS}
    for auth in ("none", "api_key"):
        assert statements(auth=auth) == {"Callers": {"Effect": "Allow"}, "TlsOnly": TLS}


def test_networks_are_allowed_and_all_others_denied() -> None:
    networks = ("203.0.113.0/24", "2001:db8::/32")
    assert statements(allow=networks)["Elsewhere"] == {
        "Effect": "Deny",
        "Condition": {"NotIpAddress": {"aws:SourceIp": list(networks)}},
    }
    assert api(allow=networks).one(API).inputs["endpointConfiguration"] == {"types": "REGIONAL"}


def test_with_vpc_endpoints_the_api_is_private() -> None:
    made = api(allow=("vpce-0a",))
    assert made.one(API).inputs["endpointConfiguration"] == {"types": "PRIVATE", "vpcEndpointIds": ["vpce-0a"]}
    assert statements(allow=("vpce-0a",))["Elsewhere"] == {
        "Effect": "Deny",
        "Condition": {"StringNotEquals": {"aws:SourceVpce": ["vpce-0a"]}},
    }


def test_a_change_of_the_policy_is_deployed() -> None:
    assert api().one(GUARD).urn in api().one(DEPLOYMENT).dependencies
    assert api().one(DEPLOYMENT).inputs != api(allow=("10.0.0.0/8",)).one(DEPLOYMENT).inputs


def test_a_domain_name_leads_to_the_stage_and_replaces_its_address() -> None:
    made = api(domain=DOMAIN)
    assert made.one(A + "domainName:DomainName").inputs == {
        "domainName": "jobs.example.com",
        "regionalCertificateArn": CERTIFICATE,
        "endpointConfiguration": {"types": "REGIONAL"},
        "securityPolicy": "TLS_1_2",
    }
    assert made.one(A + "basePathMapping:BasePathMapping").inputs["stageName"] == "run"
    (record,) = made.of("aws:route53/record:Record")
    assert (record.inputs["zoneId"], record.inputs["name"], record.inputs["type"]) == (
        "Z0123456789",
        "jobs.example.com",
        "A",
    )
    assert made.one(API).inputs["disableExecuteApiEndpoint"] is True
    assert made.result["url"] == "https://jobs.example.com"
    assert "disableExecuteApiEndpoint" not in api().one(API).inputs


@pytest.mark.parametrize(("rate", "limit"), [(100, 30_000), (0.01, 10)])
def test_a_firewall_limits_each_address_and_only_counts_what_is_in_bodies(rate: float, limit: int) -> None:
    made = api(waf=True, rate_limit=rate)
    acl = made.one("aws:wafv2/webAcl:WebAcl")
    limiting, common = json.loads(acl.inputs["ruleJson"])
    assert limiting["Statement"]["RateBasedStatement"] == {"Limit": limit, "AggregateKeyType": "IP"}
    group = common["Statement"]["ManagedRuleGroupStatement"]
    assert (group["VendorName"], group["Name"]) == ("AWS", "AWSManagedRulesCommonRuleSet")
    counted = {rule["Name"] for rule in group["RuleActionOverrides"]}
    assert {"SizeRestrictions_BODY", "CrossSiteScripting_BODY"} <= counted
    for shown in (acl.inputs["visibilityConfig"], limiting["VisibilityConfig"], common["VisibilityConfig"]):
        assert shown.get("sampledRequestsEnabled", shown.get("SampledRequestsEnabled")) is False
    (association,) = made.of("aws:wafv2/webAclAssociation:WebAclAssociation")
    assert made.one(STAGE).urn in association.dependencies
    assert api().of("aws:wafv2/webAcl:WebAcl") == []
