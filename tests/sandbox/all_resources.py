"""A Pulumi program with every resource type of the sandbox's tables, and every input of each."""

import json
from typing import Any

import pulumi
import pulumi_aws as aws
import pulumi_awsx as awsx

from tests.sandbox import scheduled

Settings = dict[str, Any]


def trust(service: str) -> str:
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def allow(action: str, resource: pulumi.Input[str], **more: Any) -> pulumi.Output[str]:
    statement = {"Effect": "Allow", "Action": [action], "Resource": resource, **more}
    return pulumi.Output.json_dumps({"Version": "2012-10-17", "Statement": [statement]})


def network(settings: Settings) -> tuple[list[aws.ec2.Subnet], aws.ec2.SecurityGroup]:
    region = aws.get_region_output().region
    zones = aws.get_availability_zones(state="available").names[:2]
    vpc = aws.ec2.Vpc(
        "net",
        cidr_block="10.0.0.0/16",
        enable_dns_hostnames=True,
        enable_dns_support=True,
        tags={"Name": "net"},
    )
    subnets = [
        aws.ec2.Subnet(
            f"net-{zone}",
            vpc_id=vpc.id,
            availability_zone=zone,
            cidr_block=f"10.0.{number}.0/24",
            map_public_ip_on_launch=True,
            tags={"Name": f"net-{zone}"},
        )
        for number, zone in enumerate(zones)
    ]
    by_id = aws.ec2.Subnet("net-by-id", vpc_id=vpc.id, availability_zone_id="use1-az1", cidr_block="10.0.9.0/24")
    aws.ec2.SecurityGroup("other", name="other", vpc_id=vpc.id, description="named by hand")
    gateway = aws.ec2.InternetGateway("net", vpc_id=vpc.id, tags={"Name": "net"})
    table = aws.ec2.RouteTable("public", vpc_id=vpc.id, tags={"Name": "public"})
    private = aws.ec2.RouteTable("private", vpc_id=vpc.id)
    aws.ec2.Route("out", route_table_id=table.id, destination_cidr_block="0.0.0.0/0", gateway_id=gateway.id)
    for number, subnet in enumerate(subnets):
        aws.ec2.RouteTableAssociation(f"public-{number}", route_table_id=table.id, subnet_id=subnet.id)
    address = aws.ec2.Eip("nat", domain="vpc", tags={"Name": "nat"})
    nat = aws.ec2.NatGateway(
        "nat", allocation_id=address.id, subnet_id=subnets[0].id, connectivity_type="public", tags={"Name": "nat"}
    )
    aws.ec2.Route("nat", route_table_id=private.id, destination_cidr_block="0.0.0.0/0", nat_gateway_id=nat.id)
    group = aws.ec2.SecurityGroup("tasks", vpc_id=vpc.id, description=settings["description"], tags={"Name": "tasks"})
    everyone: dict[str, Any] = {"security_group_id": group.id, "ip_protocol": "-1"}
    aws.vpc.SecurityGroupEgressRule("v4", cidr_ipv4="0.0.0.0/0", description="all", tags={"Name": "v4"}, **everyone)
    aws.vpc.SecurityGroupEgressRule("v6", cidr_ipv6="::/0", **everyone)
    aws.vpc.SecurityGroupEgressRule(
        "inside",
        security_group_id=group.id,
        ip_protocol="tcp",
        from_port=80,
        to_port=80,
        referenced_security_group_id=group.id,
    )
    aws.vpc.SecurityGroupIngressRule("v6", cidr_ipv6="::/0", tags={"Name": "v6"}, **everyone)
    aws.vpc.SecurityGroupIngressRule(
        "group",
        security_group_id=group.id,
        ip_protocol="tcp",
        from_port=81,
        to_port=81,
        referenced_security_group_id=group.id,
    )
    aws.vpc.SecurityGroupIngressRule(
        "inside",
        security_group_id=group.id,
        ip_protocol="tcp",
        from_port=80,
        to_port=443,
        cidr_ipv4="10.0.0.0/16",
        description="inside",
    )
    role = aws.iam.Role("nat", assume_role_policy=trust("ec2.amazonaws.com"))
    profile = aws.iam.InstanceProfile("nat", role=role.name, path="/ebb/", tags={"Name": "nat"})
    image = aws.ssm.get_parameter_output(
        name="/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-arm64"
    ).value
    instance = aws.ec2.Instance(
        "nat",
        ami=image,
        instance_type=settings["instance_type"],
        subnet_id=subnets[0].id,
        vpc_security_group_ids=[group.id],
        source_dest_check=False,
        metadata_options={"http_tokens": "required", "http_endpoint": "enabled"},
        iam_instance_profile=profile.name,
        monitoring=True,
        root_block_device={"encrypted": settings["encrypted"], "volume_size": 8, "volume_type": "gp3"},
        user_data=settings["user_data"],
        user_data_replace_on_change=True,
        tags={"Name": "nat"},
        opts=pulumi.ResourceOptions(ignore_changes=["ami"]),
    )
    aws.ec2.Route(
        "instance",
        route_table_id=private.id,
        destination_cidr_block="192.0.2.0/24",
        network_interface_id=instance.primary_network_interface_id,
    )
    aws.ec2.Eip("instance", domain="vpc", instance=instance.id)
    spare = aws.ec2.Eip("spare", domain="vpc")
    worker = aws.ec2.Instance("worker", ami=image, instance_type="t4g.nano", subnet_id=by_id.id)
    aws.ec2.EipAssociation("spare", allocation_id=spare.id, instance_id=worker.id)
    aws.ec2.VpcEndpoint(
        "s3",
        vpc_id=vpc.id,
        service_name=pulumi.Output.format("com.amazonaws.{0}.s3", region),
        vpc_endpoint_type="Gateway",
        route_table_ids=[table.id, private.id],
        policy=allow("s3:GetObject", "*", Principal="*"),
        tags={"Name": "s3"},
    )
    aws.ec2.VpcEndpoint(
        "sqs",
        vpc_id=vpc.id,
        service_name=pulumi.Output.format("com.amazonaws.{0}.sqs", region),
        vpc_endpoint_type="Interface",
        subnet_ids=[subnet.id for subnet in subnets],
        security_group_ids=[group.id],
        private_dns_enabled=True,
    )
    return subnets, group


def queue(settings: Settings) -> aws.sqs.Queue:
    account = aws.get_caller_identity_output().account_id
    root = {"AWS": pulumi.Output.format("arn:aws:iam::{0}:root", account)}
    key = aws.kms.Key(
        "key",
        description="the queue's",
        enable_key_rotation=True,
        rotation_period_in_days=180,
        deletion_window_in_days=7,
        is_enabled=True,
        key_usage="ENCRYPT_DECRYPT",
        customer_master_key_spec="SYMMETRIC_DEFAULT",
        multi_region=False,
        policy=allow("kms:*", "*", Principal=root),
        tags={"Name": "key"},
    )
    aws.kms.Alias("key", name_prefix="alias/jobs-", target_key_id=key.id)
    dead = aws.sqs.Queue("dead", message_retention_seconds=1209600)
    main = aws.sqs.Queue(
        "jobs",
        visibility_timeout_seconds=settings["visibility"],
        message_retention_seconds=345600,
        max_message_size=131072,
        delay_seconds=1,
        receive_wait_time_seconds=20,
        kms_master_key_id=key.arn,
        kms_data_key_reuse_period_seconds=600,
        redrive_policy=pulumi.Output.json_dumps({"deadLetterTargetArn": dead.arn, "maxReceiveCount": 5}),
        tags={"Name": "jobs"},
    )
    aws.sqs.Queue(
        "ordered",
        fifo_queue=True,
        content_based_deduplication=True,
        deduplication_scope="messageGroup",
        fifo_throughput_limit="perMessageGroupId",
        sqs_managed_sse_enabled=True,
    )
    aws.sqs.QueuePolicy("jobs", queue_url=main.url, policy=allow("sqs:SendMessage", main.arn, Principal="*"))
    aws.sqs.RedriveAllowPolicy(
        "dead",
        queue_url=dead.url,
        redrive_allow_policy=pulumi.Output.json_dumps({"redrivePermission": "byQueue", "sourceQueueArns": [main.arn]}),
    )
    return main


def store(settings: Settings) -> None:
    key = aws.kms.Key("store")
    aws.dynamodb.Table(
        "store",
        billing_mode="PAY_PER_REQUEST",
        hash_key="id",
        attributes=[{"name": "id", "type": "S"}],
        ttl={"attribute_name": settings["expiry"], "enabled": True},
        server_side_encryption={"enabled": True, "kms_key_arn": key.arn},
        tags={"Name": "store"},
    )


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
    aws.apigateway.UsagePlanKey("client", key_id=key.id, key_type="API_KEY", usage_plan_id=plan.id)
    return stage


def service(
    settings: Settings, jobs: aws.sqs.Queue, subnets: list[aws.ec2.Subnet], group: aws.ec2.SecurityGroup
) -> pulumi.Output[str]:
    repository = awsx.ecr.Repository(
        "image",
        force_delete=True,
        image_scanning_configuration={"scan_on_push": True},
        lifecycle_policy={
            "rules": [
                {
                    "description": "old",
                    "tag_status": awsx.ecr.LifecycleTagStatus.UNTAGGED,
                    "maximum_number_of_images": settings["kept"],
                }
            ]
        },
    )
    image = awsx.ecr.Image("image", repository_url=repository.url, context="worker", platform="linux/arm64")
    aws.ecr.Repository(
        "plain",
        name="plain",
        encryption_configurations=[{"encryption_type": "AES256"}],
        force_delete=False,
        image_scanning_configuration={"scan_on_push": False},
        image_tag_mutability="IMMUTABLE",
        tags={"Name": "plain"},
    )
    boundary = "arn:aws:iam::aws:policy/PowerUserAccess"
    role = aws.iam.Role(
        "task",
        assume_role_policy=trust("ecs-tasks.amazonaws.com"),
        description="the task's",
        max_session_duration=7200,
        path="/ebb/",
        permissions_boundary=boundary,
        tags={"Name": "task"},
    )
    aws.iam.RolePolicy("task", role=role.name, policy=allow("sqs:ReceiveMessage", jobs.arn))
    cluster = aws.ecs.Cluster(
        "workers",
        settings=[{"name": "containerInsights", "value": "enabled"}],
        tags={"Name": "workers"},
    )
    aws.ecs.ClusterCapacityProviders(
        "workers",
        cluster_name=cluster.name,
        capacity_providers=["FARGATE", "FARGATE_SPOT"],
        default_capacity_provider_strategies=[{"capacity_provider": "FARGATE", "weight": 1}],
    )
    logs = aws.cloudwatch.LogGroup("worker", retention_in_days=settings["retention"], tags={"Name": "worker"})
    container = {
        "name": "worker",
        "image": image.image_uri,
        "essential": True,
        "stopTimeout": 120,
        "readonlyRootFilesystem": True,
        "mountPoints": [{"sourceVolume": "tmp", "containerPath": "/tmp"}],
        "linuxParameters": {"initProcessEnabled": True},
        "environment": [{"name": "B", "value": settings["environment"]}, {"name": "A", "value": "2"}],
        "secrets": [],
        "healthCheck": {
            "command": ["CMD", "python", "-m", "health"],
            "interval": settings["health_interval"],
            "timeout": 30,
            "retries": 5,
            "startPeriod": 120,
        },
        "logConfiguration": {"logDriver": "awslogs", "options": {"awslogs-group": logs.name}},
    }
    task = aws.ecs.TaskDefinition(
        "worker",
        family="worker",
        requires_compatibilities=["FARGATE"],
        network_mode="awsvpc",
        runtime_platform={"operating_system_family": "LINUX", "cpu_architecture": "ARM64"},
        cpu="2048",
        memory="4096",
        ephemeral_storage={"size_in_gib": 30},
        volumes=[{"name": "tmp"}],
        execution_role_arn=role.arn,
        task_role_arn=role.arn,
        container_definitions=pulumi.Output.json_dumps([container]),
        tags={"Name": "worker"},
    )
    running = aws.ecs.Service(
        "worker",
        cluster=cluster.arn,
        task_definition=task.arn,
        desired_count=0,
        capacity_provider_strategies=[{"capacity_provider": "FARGATE", "weight": 1}],
        force_new_deployment=True,
        network_configuration={
            "subnets": [subnet.id for subnet in subnets],
            "security_groups": [group.id],
            "assign_public_ip": True,
        },
        deployment_circuit_breaker={"enable": True, "rollback": True},
        deployment_maximum_percent=200,
        deployment_minimum_healthy_percent=0,
        availability_zone_rebalancing="DISABLED",
        enable_execute_command=True,
        enable_ecs_managed_tags=True,
        propagate_tags="SERVICE",
        platform_version="LATEST",
        scheduling_strategy="REPLICA",
        wait_for_steady_state=False,
        tags={"Name": "worker"},
        opts=pulumi.ResourceOptions(ignore_changes=["desiredCount"]),
    )
    scheduled.program(settings, jobs, scaling(settings, cluster, running))
    arn: pulumi.Output[str] = repository.repository.arn
    return arn


def scaling(settings: Settings, cluster: aws.ecs.Cluster, running: aws.ecs.Service) -> aws.appautoscaling.Target:
    target = aws.appautoscaling.Target(
        "worker",
        min_capacity=0,
        max_capacity=settings["max_capacity"],
        resource_id=pulumi.Output.format("service/{0}/{1}", cluster.name, running.name),
        scalable_dimension="ecs:service:DesiredCount",
        service_namespace="ecs",
        suspended_state={"dynamic_scaling_in_suspended": False},
        tags={"Name": "worker"},
    )
    out = aws.appautoscaling.Policy(
        "out",
        policy_type="StepScaling",
        resource_id=target.resource_id,
        scalable_dimension=target.scalable_dimension,
        service_namespace=target.service_namespace,
        step_scaling_policy_configuration={
            "adjustment_type": "ChangeInCapacity",
            "cooldown": settings["cooldown"],
            "metric_aggregation_type": "Maximum",
            "step_adjustments": [
                {"scaling_adjustment": 1, "metric_interval_lower_bound": "0", "metric_interval_upper_bound": "9"},
                {"scaling_adjustment": 2, "metric_interval_lower_bound": "9"},
            ],
        },
    )
    topic = aws.sns.Topic("alarms", display_name="alarms", kms_master_key_id="alias/aws/sns", tags={"Name": "alarms"})
    aws.sns.TopicPolicy(
        "alarms", arn=topic.arn, policy=allow("sns:Publish", topic.arn, Principal={"Service": "cloudwatch"})
    )
    aws.sns.TopicSubscription("alarms", topic=topic.arn, protocol="email", endpoint="ops@example.com")
    aws.cloudwatch.MetricAlarm(
        "one",
        alarm_description="one metric",
        actions_enabled=True,
        namespace="AWS/SQS",
        metric_name="ApproximateNumberOfMessagesVisible",
        dimensions={"QueueName": "q"},
        statistic="Maximum",
        period=60,
        unit="Count",
        evaluation_periods=1,
        datapoints_to_alarm=1,
        threshold=settings["threshold"],
        comparison_operator="GreaterThanOrEqualToThreshold",
        treat_missing_data="notBreaching",
        alarm_actions=[out.arn],
        ok_actions=[topic.arn],
        insufficient_data_actions=[topic.arn],
        tags={"Name": "one"},
    )
    aws.cloudwatch.MetricAlarm(
        "math",
        alarm_actions=[topic.arn],
        comparison_operator="LessThanOrEqualToThreshold",
        threshold=0,
        evaluation_periods=3,
        datapoints_to_alarm=3,
        treat_missing_data="ignore",
        metric_queries=[
            {"id": "e", "expression": "IF(FILL(r, REPEAT) > 0, v, 1)", "label": "work", "return_data": True},
            {
                "id": "r",
                "metric": {
                    "namespace": "AWS/ECS",
                    "metric_name": "CPUUtilization",
                    "dimensions": {"ClusterName": cluster.name},
                    "period": 60,
                    "stat": "SampleCount",
                },
            },
            {
                "id": "v",
                "metric": {"namespace": "AWS/SQS", "metric_name": "X", "period": 60, "stat": "Maximum"},
            },
        ],
    )
    return target


# What one test changes at a time.
SETTINGS: Settings = {
    "answer": '{"done": true}',
    "api_key_required": True,
    "burst": 50,
    "cooldown": 120,
    "description": "the tasks",
    "encrypted": False,
    "environment": "1",
    "expiry": "expires",
    "health_interval": 60,
    "instance_type": "t4g.nano",
    "kept": 10,
    "last_state": "Succeed",
    "max_capacity": 4,
    "retention": 30,
    "schedule": "rate(1 hour)",
    "threshold": 1,
    "user_data": "#!/bin/sh\necho nat\n",
    "visibility": 300,
    "warm": 1,
}


def program(settings: Settings) -> None:
    """The program; `settings` as in SETTINGS."""
    subnets, group = network(settings)
    jobs = queue(settings)
    store(settings)
    stage = api(settings, jobs)
    pulumi.export("repository", service(settings, jobs, subnets, group))
    pulumi.export("url", stage.invoke_url)
