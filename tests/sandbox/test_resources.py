"""The resource tables themselves: their names, what replaces, and that what is set is really there afterwards."""

import inspect
from collections import defaultdict
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from pulumi.automation import PulumiCommand

from ebb.sandbox.deploy.pulumi_cli import find
from ebb.sandbox.emulators.images import Images
from ebb.sandbox.emulators.region import Region
from ebb.sandbox.provider.aws import Aws
from ebb.sandbox.provider.diff import changes, observed
from ebb.sandbox.provider.resources import ROWS
from ebb.sandbox.provider.server import serve
from tests.sandbox import all_resources
from tests.sandbox.pulumi_stack import InlineStack
from tests.sandbox.resources.settings import SETTINGS

Resource = dict[str, Any]


@pytest.fixture(scope="module")
def deployed(one_region: Region, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Resource]]:
    """The state of everything, while it is deployed."""
    one_region.reset()
    folder = tmp_path_factory.mktemp("everything")
    (folder / "worker").mkdir()
    (folder / "worker" / "Dockerfile").write_text('FROM python:3.12-slim\nENTRYPOINT ["python"]\n')
    provider = serve(Aws(one_region.client), Images(one_region), Path(folder))
    command: PulumiCommand = find(print)
    stack = InlineStack(one_region, folder / "stack", provider.port, command, lambda: all_resources.program(SETTINGS))
    stack.up()
    yield [item for item in stack.resources() if item["type"] in ROWS]
    stack.destroy()
    provider.stop()


# Inputs that are Pulumi's own: they say how to go about it, and AWS keeps nothing of them.
PULUMIS_OWN = {
    "aws:ec2/instance:Instance": {"userDataReplaceOnChange"},
    "aws:ecr/repository:Repository": {"forceDelete"},
    "aws:ecs/service:Service": {"forceNewDeployment"},
    "aws:kms/alias:Alias": {"namePrefix"},
    "aws:kms/key:Key": {"deletionWindowInDays"},
    "aws:apigateway/deployment:Deployment": {"triggers"},
}
# What the emulators take and do not show again, or the engine keeps encrypted.
NOT_SHOWN = {
    "aws:cloudwatch/eventConnection:EventConnection": {"authParameters.apiKey.key", "authParameters.apiKey.value"},
    "aws:kms/key:Key": {"rotationPeriodInDays"},
    "aws:sfn/stateMachine:StateMachine": {"tracingConfiguration"},
}


def test_what_is_set_is_what_the_emulator_shows(deployed: list[Resource], one_region: Region) -> None:
    aws = Aws(one_region.client)
    lost: dict[str, set[str]] = defaultdict(set)
    for item in deployed:
        row = ROWS[item["type"]]
        inputs = {name: value for name, value in item["inputs"].items() if name not in ("__defaults", "tags")}
        seen = row.read(aws, item["id"], item["outputs"])
        assert seen is not None, item["urn"]
        missing = {name for name in inputs if seen.get(name) is None and inputs[name] not in (0, "", [], {})}
        different = changes(row, inputs, observed(row, inputs, seen))
        lost[item["type"]] |= missing | set(different)
    known = {kind: PULUMIS_OWN.get(kind, set()) | NOT_SHOWN.get(kind, set()) for kind in lost}
    assert {kind: names for kind, names in lost.items() if names} == {
        kind: names for kind, names in known.items() if names
    }


def test_the_program_of_everything_sets_each_input_of_each_table(deployed: list[Resource]) -> None:
    unset = {kind: set(row.inputs) for kind, row in ROWS.items()}
    for item in deployed:
        unset[item["type"]] -= item["inputs"].keys()
    assert {kind: names for kind, names in unset.items() if names} == {}


def pulumi_inputs(kind: str) -> set[str]:
    """The inputs that pulumi_aws has for a type, as they are on the wire."""
    _, path, name = kind.split(":")
    module = import_module(f"pulumi_aws.{path.split('/')[0]}")
    names = inspect.signature(getattr(module, name)._internal_init).parameters
    words = (name.split("_") for name in names)
    return {first + "".join(word.capitalize() for word in rest) for first, *rest in words}


@pytest.mark.parametrize("kind", ROWS)
def test_every_name_in_a_row_is_one_that_pulumi_has(kind: str) -> None:
    row = ROWS[kind]
    used = row.inputs | row.required | row.documents | row.identity | row.replaces_if.keys() | row.defaults.keys()
    assert used - pulumi_inputs(kind) == set()
    assert (row.required | row.documents | row.identity) <= row.inputs
    assert ("tags" in row.inputs) == row.taggable


@pytest.mark.parametrize("kind", ROWS)
def test_what_does_not_replace_can_be_updated(kind: str) -> None:
    row = ROWS[kind]
    in_place = row.inputs - row.replaces - {"tags"}
    assert not in_place or row.update is not None, in_place


REFERENCE = {
    "aws:apigateway/account:Account": "",
    "aws:apigateway/apiKey:ApiKey": "value",
    "aws:apigateway/basePathMapping:BasePathMapping": "domainName domainNameId",
    "aws:apigateway/deployment:Deployment": "restApi triggers variables",
    "aws:apigateway/domainName:DomainName": "domainName",
    "aws:apigateway/integration:Integration": (
        "credentials httpMethod integrationHttpMethod passthroughBehavior resourceId restApi type"
    ),
    "aws:apigateway/integrationResponse:IntegrationResponse": "httpMethod resourceId restApi",
    "aws:apigateway/method:Method": "httpMethod resourceId restApi",
    "aws:apigateway/methodResponse:MethodResponse": "httpMethod resourceId restApi",
    "aws:apigateway/methodSettings:MethodSettings": "methodPath restApi stageName",
    "aws:apigateway/model:Model": "contentType name restApi",
    "aws:apigateway/requestValidator:RequestValidator": "restApi",
    "aws:apigateway/resource:Resource": "restApi",
    "aws:apigateway/response:Response": "responseType restApiId",
    "aws:apigateway/restApi:RestApi": "",
    "aws:apigateway/restApiPolicy:RestApiPolicy": "restApiId",
    "aws:apigateway/stage:Stage": "restApi stageName",
    "aws:apigateway/usagePlan:UsagePlan": "",
    "aws:apigateway/usagePlanKey:UsagePlanKey": "keyId keyType usagePlanId",
    "aws:appautoscaling/policy:Policy": "name resourceId scalableDimension serviceNamespace",
    "aws:appautoscaling/scheduledAction:ScheduledAction": "name resourceId scalableDimension serviceNamespace",
    "aws:appautoscaling/target:Target": "resourceId scalableDimension serviceNamespace",
    "aws:budgets/budget:Budget": "name",
    "aws:chatbot/slackChannelConfiguration:SlackChannelConfiguration": "region",
    "aws:chatbot/teamsChannelConfiguration:TeamsChannelConfiguration": "region",
    "aws:cloudwatch/dashboard:Dashboard": "dashboardName",
    "aws:cloudwatch/eventApiDestination:EventApiDestination": "name",
    "aws:cloudwatch/eventConnection:EventConnection": "name",
    "aws:cloudwatch/eventRule:EventRule": "eventBusName name",
    "aws:cloudwatch/eventTarget:EventTarget": "eventBusName rule targetId",
    "aws:cloudwatch/logGroup:LogGroup": "logGroupClass name",
    "aws:cloudwatch/metricAlarm:MetricAlarm": "name",
    "aws:dynamodb/table:Table": "hashKey name rangeKey",
    "aws:ec2/defaultNetworkAcl:DefaultNetworkAcl": "defaultNetworkAclId",
    "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup": "vpcId",
    "aws:ec2/eip:Eip": "address domain networkBorderGroup publicIpv4Pool",
    "aws:ec2/eipAssociation:EipAssociation": (
        "allocationId allowReassociation instanceId networkInterfaceId privateIpAddress publicIp"
    ),
    "aws:ec2/flowLog:FlowLog": "iamRoleArn logDestination trafficType vpcId",
    "aws:ec2/instance:Instance": (
        "ami associatePublicIpAddress availabilityZone ebsOptimized keyName launchTemplate privateIp "
        "rootBlockDevice.encrypted rootBlockDevice.kmsKeyId securityGroups subnetId tenancy"
    ),
    "aws:ec2/internetGateway:InternetGateway": "",
    "aws:ec2/natGateway:NatGateway": ("allocationId availabilityMode connectivityType privateIp subnetId vpcId"),
    "aws:ec2/networkAcl:NetworkAcl": "vpcId",
    "aws:ec2/route:Route": "routeTableId destinationCidrBlock destinationPrefixListId",
    "aws:ec2/routeTable:RouteTable": "vpcId",
    "aws:ec2/routeTableAssociation:RouteTableAssociation": "gatewayId subnetId",
    "aws:ec2/securityGroup:SecurityGroup": "description name vpcId",
    "aws:ec2/subnet:Subnet": "availabilityZone availabilityZoneId cidrBlock ipv4NetmaskLength vpcId",
    "aws:ec2/vpc:Vpc": "cidrBlock ipv4NetmaskLength",
    "aws:ec2/vpcEndpoint:VpcEndpoint": (
        "dnsOptions.privateDnsPreference dnsOptions.privateDnsSpecifiedDomains resourceConfigurationArn "
        "serviceName serviceNetworkArn serviceRegion vpcEndpointType vpcId"
    ),
    "aws:ecr/lifecyclePolicy:LifecyclePolicy": "policy repository",
    "aws:ecr/repository:Repository": "encryptionConfigurations name",
    "aws:ecs/cluster:Cluster": "name",
    "aws:ecs/clusterCapacityProviders:ClusterCapacityProviders": "clusterName",
    "aws:ecs/service:Service": "cluster iamRole launchType name schedulingStrategy",
    "aws:ecs/taskDefinition:TaskDefinition": (
        "containerDefinitions cpu enableFaultInjection ephemeralStorage executionRoleArn family ipcMode "
        "memory networkMode pidMode proxyConfiguration requiresCompatibilities runtimePlatform "
        "taskRoleArn"
    ),
    "aws:iam/instanceProfile:InstanceProfile": "name path",
    "aws:iam/role:Role": "name path",
    "aws:iam/rolePolicy:RolePolicy": "name role",
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": "policyArn role",
    "aws:kms/alias:Alias": "name",
    "aws:kms/key:Key": "customKeyStoreId customerMasterKeySpec keyUsage multiRegion xksKeyId",
    "aws:route53/record:Record": "name setIdentifier type zoneId",
    "aws:route53/zone:Zone": "delegationSetId name",
    "aws:scheduler/schedule:Schedule": "groupName name",
    "aws:scheduler/scheduleGroup:ScheduleGroup": "name",
    "aws:sfn/stateMachine:StateMachine": "name type",
    "aws:sns/topic:Topic": "fifoTopic name",
    "aws:sns/topicPolicy:TopicPolicy": "arn",
    "aws:sns/topicSubscription:TopicSubscription": "endpoint protocol topic",
    "aws:sqs/queue:Queue": "fifoQueue name",
    "aws:sqs/queuePolicy:QueuePolicy": "queueUrl",
    "aws:sqs/redriveAllowPolicy:RedriveAllowPolicy": "queueUrl",
    "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": "securityGroupId",
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": "securityGroupId",
    "aws:wafv2/webAcl:WebAcl": "name namePrefix scope",
    "aws:wafv2/webAclAssociation:WebAclAssociation": "resourceArn webAclArn",
}


@pytest.mark.parametrize("kind", ROWS)
def test_a_row_replaces_for_what_the_real_provider_replaces_for(kind: str) -> None:
    """By terraform-provider-aws at 5f2286d6d836: its ForceNew and RequiresReplace, in Pulumi's names."""
    row, wanted = ROWS[kind], set(REFERENCE[kind].split())
    taken = {path for path in wanted if path.split(".")[0] in row.inputs}
    mine = {path for path in row.replaces if path.split(".")[0] in row.inputs}
    assert mine - EVERY_REVISION.get(kind, set()) == taken


# A revision of a task definition is never changed: what is not in the reference could not be changed otherwise either.
EVERY_REVISION = {"aws:ecs/taskDefinition:TaskDefinition": {"volumes"}}
