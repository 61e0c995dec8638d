"""A REST API with each of its resources."""

import json
from typing import Any

import pulumi
import pulumi_aws as aws

from tests.sandbox.resources.iam import allow, trust
from tests.sandbox.resources.settings import Settings


def api(settings: Settings, jobs: aws.sqs.Queue) -> aws.apigateway.Stage:
    region, account = aws.get_region_output().region, aws.get_caller_identity_output().account_id
    partition = aws.get_partition_output().partition
    role = aws.iam.Role("api", assume_role_policy=trust("apigateway.amazonaws.com"))
    logs = aws.iam.RolePolicyAttachment(
        "api",
        role=role.name,
        policy_arn="arn:aws:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs",
    )
    account_role = aws.apigateway.Account(
        "api", cloudwatch_role_arn=role.arn, opts=pulumi.ResourceOptions(depends_on=[logs])
    )
    rest = aws.apigateway.RestApi(
        "api",
        description="jobs",
        endpoint_configuration={"types": "REGIONAL"},
        api_key_source="HEADER",
        binary_media_types=["application/pdf"],
        minimum_compression_size="1024",
        disable_execute_api_endpoint=False,
        policy=allow("execute-api:Invoke", "*", Principal="*"),
        tags={"Name": "api"},
    )
    resource = aws.apigateway.Resource("jobs", rest_api=rest.id, parent_id=rest.root_resource_id, path_part="jobs")
    model = aws.apigateway.Model(
        "job",
        rest_api=rest.id,
        name="Job",
        description="a job",
        content_type="application/json",
        schema=json.dumps({"type": "object"}),
    )
    validator = aws.apigateway.RequestValidator(
        "body", rest_api=rest.id, validate_request_body=True, validate_request_parameters=True
    )
    method = aws.apigateway.Method(
        "post",
        rest_api=rest.id,
        resource_id=resource.id,
        http_method="POST",
        authorization="NONE",
        api_key_required=settings["api_key_required"],
        operation_name="Submit",
        request_models={"application/json": model.name},
        request_parameters={"method.request.header.X-Group": False},
        request_validator_id=validator.id,
    )
    of_method: dict[str, Any] = {"rest_api": rest.id, "resource_id": resource.id, "http_method": method.http_method}
    integration = aws.apigateway.Integration(
        "post",
        type="AWS",
        integration_http_method="POST",
        uri=pulumi.Output.format("arn:{0}:apigateway:{1}:sqs:path/{2}/{3}", partition, region, account, jobs.name),
        credentials=role.arn,
        passthrough_behavior="NEVER",
        timeout_milliseconds=5000,
        connection_type="INTERNET",
        content_handling="CONVERT_TO_TEXT",
        request_parameters={"integration.request.header.Content-Type": "'application/x-www-form-urlencoded'"},
        request_templates={"application/json": "Action=SendMessage&MessageBody=$util.urlEncode($input.body)"},
        **of_method,
    )
    accepted = aws.apigateway.MethodResponse(
        "accepted",
        status_code="202",
        response_models={"application/json": "Empty"},
        response_parameters={"method.response.header.X-Id": False},
        **of_method,
    )
    answer = aws.apigateway.IntegrationResponse(
        "accepted",
        status_code=accepted.status_code,
        selection_pattern="2\\d\\d",
        response_templates={"application/json": settings["answer"]},
        response_parameters={"method.response.header.X-Id": "'x'"},
        content_handling="CONVERT_TO_TEXT",
        opts=pulumi.ResourceOptions(depends_on=[integration]),
        **of_method,
    )
    refusal = aws.apigateway.Response(
        "refused",
        rest_api_id=rest.id,
        response_type="DEFAULT_4XX",
        status_code="400",
        response_parameters={"gatewayresponse.header.X-Why": "'refused'"},
        response_templates={"application/json": "{}"},
    )
    deployment = aws.apigateway.Deployment(
        "api",
        rest_api=rest.id,
        description="first",
        triggers={"answer": settings["answer"]},
        opts=pulumi.ResourceOptions(depends_on=[answer, refusal]),
    )
    access = aws.cloudwatch.LogGroup("access", retention_in_days=14)
    stage = aws.apigateway.Stage(
        "run",
        rest_api=rest.id,
        deployment=deployment.id,
        stage_name="run",
        description="the stage",
        variables={"colour": "blue"},
        xray_tracing_enabled=True,
        cache_cluster_enabled=False,
        access_log_settings={"destination_arn": access.arn, "format": "$context.requestId"},
        tags={"Name": "run"},
        opts=pulumi.ResourceOptions(depends_on=[account_role]),
    )
    aws.apigateway.MethodSettings(
        "run",
        rest_api=rest.id,
        stage_name=stage.stage_name,
        method_path="*/*",
        settings={"throttling_rate_limit": 100, "throttling_burst_limit": settings["burst"], "metrics_enabled": True},
    )
    key = aws.apigateway.ApiKey("client", description="a client", enabled=True, customer_id="c", tags={"Name": "c"})
    plan = aws.apigateway.UsagePlan(
        "clients",
        description="clients",
        api_stages=[{"api_id": rest.id, "stage": stage.stage_name}],
        throttle_settings={"rate_limit": 10, "burst_limit": 5},
        quota_settings={"limit": 1000, "period": "DAY"},
        tags={"Name": "clients"},
    )
    guard = aws.apigateway.RestApiPolicy(
        "api", rest_api_id=rest.id, policy=allow("execute-api:Invoke", "*", Principal="*")
    )
    domain = aws.apigateway.DomainName(
        "api",
        domain_name="jobs.example.com",
        regional_certificate_arn="arn:aws:acm:us-east-1:000000000000:certificate/1",
        endpoint_configuration={"types": "REGIONAL"},
        security_policy="TLS_1_2",
        tags={"Name": "jobs"},
        opts=pulumi.ResourceOptions(depends_on=[guard]),
    )
    aws.apigateway.BasePathMapping("api", rest_api=rest.id, stage_name=stage.stage_name, domain_name=domain.domain_name)
    zone = aws.route53.Zone("zone", name="example.com", comment="the company's")
    aws.route53.Record(
        "api",
        zone_id=zone.zone_id,
        name="jobs.example.com",
        type="A",
        aliases=[
            {"name": domain.regional_domain_name, "zone_id": domain.regional_zone_id, "evaluate_target_health": True}
        ],
    )
    acl = aws.wafv2.WebAcl(
        "api",
        scope="REGIONAL",
        default_action={"allow": {}},
        rule_json=json.dumps(
            [
                {
                    "Name": "rate",
                    "Priority": 0,
                    "Action": {"Block": {}},
                    "Statement": {"RateBasedStatement": {"Limit": 100, "AggregateKeyType": "IP"}},
                    "VisibilityConfig": {
                        "CloudWatchMetricsEnabled": True,
                        "MetricName": "rate",
                        "SampledRequestsEnabled": False,
                    },
                }
            ]
        ),
        visibility_config={
            "cloudwatch_metrics_enabled": True,
            "metric_name": "api",
            "sampled_requests_enabled": False,
        },
        tags={"Name": "api"},
    )
    aws.wafv2.WebAclAssociation("api", resource_arn=stage.arn, web_acl_arn=acl.arn)
    aws.apigateway.UsagePlanKey("client", key_id=key.id, key_type="API_KEY", usage_plan_id=plan.id)
    return stage
