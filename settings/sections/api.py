"""The section `api`."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from settings.forms import (
    Caller,
    CertificateArn,
    HostName,
    Origin,
    RetentionDays,
    StageName,
    Text,
    ZoneId,
    unique,
)
from settings.sections.base import Section


class Domain(Section):
    """A domain name of your own for the API. The stage's own address stops working."""

    name: HostName = Field(description="The host name.")
    certificate_arn: CertificateArn = Field(description="The host's certificate in ACM, in the stack's region.")
    zone_id: ZoneId = Field(description="The hosted zone in Route 53 in which the host's record is created.")


class Api(Section):
    """The REST API in front of the queue."""

    stage: StageName = Field("run", description="The stage's name, part of the URL.")
    auth: Literal["iam", "api_key", "none"] = Field(
        "iam",
        description="How callers authenticate: by AWS signatures, by an API key, or not at all. An API key meters "
        "callers and limits them. It is no strong authentication: it is one text for all, in each request, and does "
        "not expire.",
    )
    get_endpoint: bool = Field(
        False,
        description="Adds `GET /queue?message=…` to `POST /jobs`. To remove it again, see "
        "[architecture.md](architecture.md).",
    )
    tracing: bool = Field(True, description="X-Ray tracing of requests.")
    log_retention_days: RetentionDays = Field(30, description="Days that access logs are kept.")
    execution_log: Literal["OFF", "ERROR", "INFO"] = Field(
        "OFF",
        description="API Gateway's execution log: requests that it could not answer (`ERROR`) or all (`INFO`). It has "
        "no bodies, but property names of jobs that the schema refuses. It costs $0.50 for each GB.",
    )
    account_log_role: Literal["existing", "create"] = Field(
        "existing",
        description="The role that API Gateway logs with; an account has one per region. `existing`: the region has "
        "one already. `create`: this stack creates it, and unsets it when the stack is destroyed.",
    )
    rate_limit: float = Field(100, gt=0, description="Average number of requests per second to the stage.")
    burst_limit: int = Field(200, ge=1, description="Maximum burst of requests (API Gateway's token bucket).")
    daily_quota: int | None = Field(None, ge=1, description="Maximum number of requests per day and API key.")
    job_schema: Text | None = Field(
        None,
        alias="schema",
        description="A file with the JSON Schema (draft 4) of a job, such as `schemas/job.json`. API Gateway refuses "
        "other jobs with 400 and the reason. Default: any JSON object.",
    )
    cors: Annotated[tuple[Origin, ...], AfterValidator(unique)] = Field(
        (), description="Origins whose pages may call the API from a browser, such as `https://app.example.com`."
    )
    allow: Annotated[tuple[Caller, ...], AfterValidator(unique)] = Field(
        (),
        description="Networks that may call the API, such as `203.0.113.0/24`. Or VPC endpoints (`vpce-…`): then the "
        "API is private. Default: all networks. `auth` applies as well.",
    )
    domain: Domain | None = Field(None, description="The API's own domain name.")
    waf: bool = Field(
        False,
        description="A web application firewall: `rate_limit` for each address on average over five minutes, and AWS's "
        "common rules. It costs $7 a month, and $0.60 for a million requests.",
    )
