"""Clients of the region on this machine: they read no profile, use no proxy and do not retry."""

from typing import Any

import botocore.session
from botocore.config import Config

#: The credentials of the region's account.
KEY, SECRET = "test", "test"


def create(session: botocore.session.Session, service: str, region: str, endpoint: str) -> Any:
    """The boto client of a service of the region that answers at this endpoint."""
    return session.create_client(
        service,
        region_name=region,
        endpoint_url=endpoint,
        aws_access_key_id=KEY,
        aws_secret_access_key=SECRET,
        config=Config(
            retries={"total_max_attempts": 1},  # moto answers 500 for an operation that it does not have
            proxies={},
            max_pool_connections=50,
            inject_host_prefix=False,
            use_fips_endpoint=False,
            use_dualstack_endpoint=False,
        ),
    )
