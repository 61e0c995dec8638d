"""Where a stack is deployed, and the ARNs there."""

import re
from dataclasses import dataclass

from ebb.errors import UserError

#: Beginnings of regions' names -> partition, and the domain of the partition's services (botocore, partitions.json).
#: Every other region is of the partition `aws`.
PARTITIONS = {
    "cn-": ("aws-cn", "amazonaws.com.cn"),
    "us-gov-": ("aws-us-gov", "amazonaws.com"),
    "us-iso-": ("aws-iso", "c2s.ic.gov"),
    "us-isob-": ("aws-iso-b", "sc2s.sgov.gov"),
    "eu-isoe-": ("aws-iso-e", "cloud.adc-e.uk"),
    "us-isof-": ("aws-iso-f", "csp.hci.ic.gov"),
    "eusc-": ("aws-eusc", "amazonaws.eu"),
}
_REGION = re.compile(r"[a-z]{2,5}(-[a-z]+)+-[0-9]+")
_ACCOUNT = re.compile(r"[0-9]{12}")


@dataclass(frozen=True, kw_only=True)
class Place:
    """An account and a region of AWS. Raises UserError if one of them has the wrong form."""

    account: str
    region: str

    def __post_init__(self) -> None:
        if not _ACCOUNT.fullmatch(self.account):
            raise UserError(f"An account is 12 digits, such as 123456789012, not {self.account!r}.")
        if not _REGION.fullmatch(self.region):
            raise UserError(f"aws:region must be the code of a region, such as eu-central-1, not {self.region!r}.")

    @property
    def partition(self) -> str:
        """Such as `aws` or `aws-cn`."""
        return self._partition[0]

    @property
    def dns_suffix(self) -> str:
        """The domain of the partition's services."""
        return self._partition[1]

    @property
    def _partition(self) -> tuple[str, str]:
        found = (both for start, both in PARTITIONS.items() if self.region.startswith(start))
        return next(found, ("aws", "amazonaws.com"))

    def arn(self, service: str, resource: str) -> str:
        """The ARN of a resource in this account and region."""
        return f"arn:{self.partition}:{service}:{self.region}:{self.account}:{resource}"

    def public(self, service: str, resource: str) -> str:
        """The ARN of a resource that has a region and no account, such as AWS's own parameters."""
        return f"arn:{self.partition}:{service}:{self.region}::{resource}"

    def everywhere(self, service: str, resource: str) -> str:
        """The ARN of a resource of the account that has no region, such as a role."""
        return f"arn:{self.partition}:{service}::{self.account}:{resource}"

    def bucket(self, name: str) -> str:
        """The ARN of a bucket, or of `bucket/key`."""
        return f"arn:{self.partition}:s3:::{name}"
