"""List prices of AWS in us-east-1, in US dollars without any free tier, each with its source and date."""

from dataclasses import dataclass
from types import MappingProxyType

from ebb.forecast.durations import HOUR

MONTH_HOURS = 730
MILLION = 1e6
GB = 1e9  # bytes, as AWS bills data


@dataclass(frozen=True)
class Price:
    """US dollars for one unit, and where the price was read."""

    dollars: float
    source: str


@dataclass(frozen=True, kw_only=True)
class FargatePrices:
    """US dollars for an hour of a vCPU and of a GB of memory, on demand and on Spot."""

    vcpu: float
    memory: float
    spot_vcpu: float
    spot_memory: float


#: Spot prices are "dynamic", 50 to 70 % lower: the middle is taken.
FARGATE: dict[str, FargatePrices] = {
    "ARM64": FargatePrices(vcpu=0.03238, memory=0.00356, spot_vcpu=0.01295, spot_memory=0.001425),
    "X86_64": FargatePrices(vcpu=0.04048, memory=0.004445, spot_vcpu=0.01615, spot_memory=0.001775),
}
FARGATE_SOURCE = "aws.amazon.com/fargate/pricing, as quoted by fortem.dev, June 2026"
DISK_GB_HOUR = Price(0.000111, "aws.amazon.com/fargate/pricing, as quoted by vantage.sh, 2026")
PUBLIC_IPV4_HOUR = Price(0.005, "AWS re:Post, since 2024-02-01")
NAT_GATEWAY_HOUR = Price(0.045, "zacfukuda.com, 2026-06-01")
NAT_GATEWAY_GB = Price(0.045, NAT_GATEWAY_HOUR.source)
#: In one availability zone.
ENDPOINT_HOUR = Price(0.01, "zacfukuda.com, 2026-06-01")
ENDPOINT_GB = Price(0.01, ENDPOINT_HOUR.source)
#: A NAT instance is in one of two zones, so half of the data crosses zones, at $0.01 a GB in each direction.
NAT_INSTANCE_GB = Price(0.01, "aws.amazon.com/ec2/pricing, data transfer between zones")
#: An hour of the size `large` of the families that are of use as NAT (aws.amazon.com/ec2/pricing/on-demand, Linux, as
#: quoted by factualminds.com, 2026-06-17, wring.co, 2026-03-08, and vantage.sh, 2026).
EC2_LARGE = MappingProxyType(
    {"t3": 0.0832, "t3a": 0.0752, "t4g": 0.0672}
    | {"m5": 0.096, "m5a": 0.086, "m6a": 0.0864, "m6g": 0.077, "m6i": 0.096, "m7g": 0.0816, "m7i": 0.1008}
    | {"c5": 0.085, "c5n": 0.108, "c6a": 0.0765, "c6g": 0.068, "c6gn": 0.0864, "c6i": 0.085, "c6in": 0.1134}
    | {"c7g": 0.0725, "c7gn": 0.1248, "c7i": 0.08925, "r5": 0.126, "r6g": 0.1008, "r6i": 0.126, "r7g": 0.1071}
)
#: The sizes of a family cost in proportion.
EC2_SIZES = MappingProxyType(
    {"nano": 1 / 16, "micro": 1 / 8, "small": 1 / 4, "medium": 1 / 2, "large": 1, "xlarge": 2}
    | {f"{number}xlarge": 2 * number for number in (2, 3, 4, 6, 8, 9, 12, 16, 18, 24)}
)
EC2_SOURCE = "aws.amazon.com/ec2/pricing/on-demand, as quoted by factualminds.com, 2026-06-17; 8 GB of gp3"
#: The NAT instance's disk: 8 GB of gp3 at $0.08.
NAT_DISK_MONTH = 0.64
#: One metric of an alarm with a period of at least 60 s, and of one with a shorter period.
ALARM_METRIC_MONTH = Price(0.10, "c3x.dev, 2026; a math alarm pays for each metric that it refers to")
FAST_ALARM_METRIC_MONTH = Price(0.30, ALARM_METRIC_MONTH.source)
CUSTOM_METRIC_MONTH = Price(0.30, "signoz.io, 2026-02; by the hour in which it has data")
KEY_MONTH = Price(1.00, "aws.amazon.com/kms/pricing, as quoted by cloudburn.io, 2026")
KEY_MILLION = Price(3.00, "aws.amazon.com/kms/pricing; SQS uses a data key for 5 minutes")
API_MILLION = Price(3.50, "awsforengineers.com, 2025-05 (REST API)")
#: Data from AWS to the internet.
OUT_GB = Price(0.09, "aws.amazon.com/ec2/pricing/on-demand, data transfer; 0.6 kB an answer assumed")
TRACES_MILLION = Price(5.00, "aws.amazon.com/xray/pricing; the first request of each second and 5 % of the others")
#: Each 64 KB of a request's bodies is a request.
SQS_MILLION = Price(0.40, "cloudburn.io, 2026-03; each 64 KB is a request")
SQS_FIFO_MILLION = Price(0.50, SQS_MILLION.source)
SCHEDULES_MILLION = Price(1.00, "cloudburn.io, 2026-03")
#: Express workflows: for each run, and for its seconds with 64 MB, at $0.06 per GB-hour.
WORKFLOWS_MILLION = Price(1.00, "aws.amazon.com/step-functions/pricing; 64 MB, 100 ms a call assumed")
WORKFLOW_SECOND = 0.0625 * 0.06 / HOUR
WRITES_MILLION = Price(
    0.625, "aws.amazon.com/dynamodb/pricing, as quoted by airbyte.com, 2025-07, and $0.25 a GB-month"
)
TABLE_GB_MONTH = 0.25
READS_MILLION = 0.125
#: A caller's question is a request to the API and a read of the table.
QUESTIONS_MILLION = Price(
    API_MILLION.dollars + READS_MILLION / 2, "as API requests; callers ask each 5 s until a job has ended: assumed"
)
EVENTS_MILLION = Price(1.00, "aws.amazon.com/eventbridge/pricing, custom events")
WEBHOOKS_MILLION = Price(0.20, "aws.amazon.com/eventbridge/pricing, API destinations")
LOG_GB = Price(0.50, "factualminds.com, 2026-06; 1.5 kB a job assumed")
LOG_GB_MONTH = Price(0.03, "aws.amazon.com/cloudwatch/pricing, kept for the days of the settings")
IMAGE_GB_MONTH = Price(0.10, "aws.amazon.com/ecr/pricing; one image")
#: A web ACL with two rules: $5 and $1 for each rule; the requests are priced separately.
FIREWALL_MONTH = Price(7, "aws.amazon.com/waf/pricing; 1 web ACL, 2 rules")
FIREWALL_MILLION = Price(0.60, "aws.amazon.com/waf/pricing; up to 1,500 WCUs and the default body size")


def ec2_hour(instance_type: str) -> float | None:
    """An hour of an instance type; None if its price is not known here."""
    family, _, size = instance_type.partition(".")
    if family not in EC2_LARGE or size not in EC2_SIZES:
        return None
    return EC2_LARGE[family] * EC2_SIZES[size]
