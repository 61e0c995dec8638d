"""A deployed JobApi."""

from typing import Any

from components._job_refs import JobRefs
from components.api import JobApi, JobApiArgs
from settings import Api as ApiSettings
from tests.components.harness import ACCOUNT, REGION, Deployed, deploy, queue_refs

A = "aws:apigateway/"
API, RESOURCE, METHOD = A + "restApi:RestApi", A + "resource:Resource", A + "method:Method"
INTEGRATION, ANSWER = A + "integration:Integration", A + "integrationResponse:IntegrationResponse"
REFUSAL, GUARD = A + "response:Response", A + "restApiPolicy:RestApiPolicy"
RESPONSE, MODEL, VALIDATOR = (
    A + "methodResponse:MethodResponse",
    A + "model:Model",
    A + "requestValidator:RequestValidator",
)
DEPLOYMENT, STAGE, LIMITS = A + "deployment:Deployment", A + "stage:Stage", A + "methodSettings:MethodSettings"
KEY, PLAN, PLAN_KEY = A + "apiKey:ApiKey", A + "usagePlan:UsagePlan", A + "usagePlanKey:UsagePlanKey"
ACCOUNT_SETTINGS, LOGS = A + "account:Account", "aws:cloudwatch/logGroup:LogGroup"
ROLE, POLICY = "aws:iam/role:Role", "aws:iam/rolePolicy:RolePolicy"
ATTACHMENT = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
QUEUE, KMS_KEY = f"arn:aws:sqs:{REGION}:{ACCOUNT}:jobs", f"arn:aws:kms:{REGION}:{ACCOUNT}:key/1"
WORKFLOW = f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:wake-submit"
POST, GET = "api-jobs-post", "api-queue-get"
GOVERNMENT = {"aws:index/getPartition:getPartition": {"partition": "aws-us-gov", "dnsSuffix": "amazonaws.com"}}


def api(
    *,
    fifo: bool = False,
    queue_name: str = "jobs",
    kms_key_arn: str | None = None,
    submit_arn: str | None = None,
    answers: dict[str, dict[str, Any]] | None = None,
    **settings: Any,
) -> Deployed:
    def program() -> dict[str, Any]:
        made = JobApi(
            "api",
            JobApiArgs(
                settings=ApiSettings(**settings),
                queue=queue_refs(fifo=fifo, name=queue_name, kms_key_arn=kms_key_arn),
                submit_arn=submit_arn,
            ),
        )
        return {"url": made.url, "api_key_id": made.api_key_id}

    return deploy(program, answers=answers)


def job_api(*, kms_key_arn: str | None = None, fifo: bool = False, **settings: Any) -> Deployed:
    """With a job table."""
    jobs = JobRefs(table_name="jobs", table_arn="table", submit_arn="submit", batch_arn="batch", cancel_arn="cancel")

    def program() -> None:
        queue = queue_refs(fifo=fifo, kms_key_arn=kms_key_arn)
        JobApi("api", JobApiArgs(settings=ApiSettings(**settings), queue=queue, jobs=jobs))

    return deploy(program)


def definition(made: Deployed) -> str:
    triggers = made.one(DEPLOYMENT).inputs["triggers"]
    assert set(triggers) == {"definition"}
    return str(triggers["definition"])
