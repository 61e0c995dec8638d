"""Names of VPC endpoint services."""

_ECR = ("ecr.api", "ecr.dkr")
#: Interface endpoints with another prefix than `com.amazonaws`, by the beginning of the region's name (aws-cdk,
#: aws-ec2/lib/vpc-endpoint.ts, from `aws ec2 describe-vpc-endpoint-services` in each region).
EXCEPTIONS = {
    "cn-": ("cn.com.amazonaws", (*_ECR, "sqs")),
    "eusc-": ("eu.amazonaws", _ECR),
    "us-iso-": ("gov.ic.c2s", (*_ECR, "sqs")),
    "us-isob-east-": ("gov.sgov.sc2s", (*_ECR, "sqs")),
    "us-isob-west-": ("gov.sgov.sc2s", _ECR),
    "us-isof-": ("gov.ic.hci.csp", _ECR),
    "eu-isoe-": ("uk.adc-e.cloud", _ECR),
}


def interface(region: str, service: str) -> str:
    """The name of a service's interface endpoint in this region."""
    for start, (prefix, services) in EXCEPTIONS.items():
        if region.startswith(start) and service in services:
            return f"{prefix}.{region}.{service}"
    return f"com.amazonaws.{region}.{service}"


def gateway(region: str, service: str) -> str:
    """The name of a gateway endpoint, of S3 or DynamoDB: it has the same prefix in all partitions."""
    return f"com.amazonaws.{region}.{service}"
