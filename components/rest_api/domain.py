"""The API's own domain name."""

import pulumi
import pulumi_aws as aws

from settings import Domain

#: "TLS_1_2" refuses older versions (API Gateway developer guide, "Supported security policies").
SECURITY_POLICY = "TLS_1_2"


def domain(owner: pulumi.Resource, stage: aws.apigateway.Stage, settings: Domain) -> pulumi.Output[str]:
    """A domain name that leads to the stage, with its records in Route 53. Returns the API's address."""
    child, name = pulumi.ResourceOptions(parent=owner), owner.pulumi_resource_name
    made = aws.apigateway.DomainName(
        name,
        domain_name=settings.name,
        regional_certificate_arn=settings.certificate_arn,
        endpoint_configuration={"types": "REGIONAL"},
        security_policy=SECURITY_POLICY,
        opts=child,
    )
    mapping = aws.apigateway.BasePathMapping(
        name, rest_api=stage.rest_api, stage_name=stage.stage_name, domain_name=made.domain_name, opts=child
    )
    aws.route53.Record(
        name,
        zone_id=settings.zone_id,
        name=settings.name,
        type="A",
        aliases=[
            {
                "name": made.regional_domain_name,
                "zone_id": made.regional_zone_id,
                "evaluate_target_health": False,
            }
        ],
        opts=child,
    )
    return mapping.domain_name.apply(lambda found: f"https://{found}")
