"""The section `api`."""

from typing import Literal

from pydantic import Field

from settings.forms import RetentionDays, StageName
from settings.sections.base import Section


class Api(Section):
    """The REST API in front of the queue."""

    stage: StageName = Field("run", description="The stage's name, part of the URL.")
    auth: Literal["iam", "api_key", "none"] = Field("iam", description="How callers authenticate.")
    get_endpoint: bool = Field(
        False,
        description="Adds `GET /queue?message=…` to `POST /jobs`. To remove it again, see "
        "[architecture.md](architecture.md).",
    )
    tracing: bool = Field(True, description="X-Ray tracing of requests.")
    log_retention_days: RetentionDays = Field(30, description="Days that access logs are kept.")
    account_log_role: Literal["existing", "create"] = Field(
        "existing",
        description="The role that API Gateway logs with; an account has one per region. `existing`: the region has "
        "one already. `create`: this stack creates it, and unsets it when the stack is destroyed.",
    )
    rate_limit: float = Field(100, gt=0, description="Average number of requests per second to the stage.")
    burst_limit: int = Field(200, ge=1, description="Maximum burst of requests (API Gateway's token bucket).")
    daily_quota: int | None = Field(None, ge=1, description="Maximum number of requests per day and API key.")
