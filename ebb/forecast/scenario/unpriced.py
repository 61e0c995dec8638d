"""What a stack has and its bill lacks, each in a few words."""

from collections.abc import Iterator

from ebb.forecast.prices import ec2_hour
from settings import Settings


def unpriced(settings: Settings) -> Iterator[str]:
    """The parts, most expensive first."""
    network, worker = settings.network, settings.worker
    yield "what the jobs use themselves"
    if network.vpc_id is not None:
        yield "the existing VPC's NAT and endpoints"
    elif network.nat == "instance" and ec2_hour(network.nat_instance_type) is None:
        yield f"the NAT instance (the price of {network.nat_instance_type} is unknown)"
    if worker.cluster is not None:
        yield "Container Insights, if the existing cluster has it"
    if settings.monitoring.dashboard:
        yield "the dashboard, if the account has three others ($3.00 a month)"
    if settings.queue.kms == "new":
        yield "the KMS key's rotations ($1.00 a month more after each of the first two years)"
    if settings.jobs.table:
        yield "the progress that jobs report ($1.25 for a million reports)"
    if settings.api.execution_log != "OFF":
        yield "the API's execution log ($0.50 a GB)"
    if any(":secretsmanager:" in source for source in worker.secrets.values()):
        yield "the secrets"
    if worker.payload_bucket is not None:
        yield "the requests to the payload bucket"
    if worker.image.context is not None:
        yield "older images in ECR"
    yield "tax"
