"""The job's variables reach the job's own clients, and none of the worker's."""

import json
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import MetadataRetrievalError
from botocore.session import Session
from botocore.utils import ContainerMetadataFetcher

from tests.worker.conftest import Start
from tests.worker.harness import TestQueue, wired
from worker import config
from worker.aws import clients

ENDPOINT = "http://127.0.0.1:4566"
#: A value that would make botocore use another address, account, region or file, or would not be accepted.
WRONG = {
    "AWS_PROFILE": "corp",
    "AWS_DEFAULT_PROFILE": "corp",
    "AWS_DATA_PATH": "/models",
    "AWS_CONFIG_FILE": "HOME/config",
    "AWS_SHARED_CREDENTIALS_FILE": "HOME/config",
    "AWS_CA_BUNDLE": "/no/such/bundle",
    "AWS_USE_FIPS_ENDPOINT": "true",
    "AWS_USE_DUALSTACK_ENDPOINT": "true",
    "AWS_DEFAULTS_MODE": "mobile",
    "AWS_RETRY_MODE": "adaptive",
    "AWS_MAX_ATTEMPTS": "9",
    "AWS_REQUEST_CHECKSUM_CALCULATION": "when_required",
    "AWS_RESPONSE_CHECKSUM_VALIDATION": "when_required",
    "AWS_ACCOUNT_ID_ENDPOINT_MODE": "required",
}
#: What other modules of botocore and urllib3 read.
OTHERS = {
    "AWS_REGION": "eu-west-1",
    "AWS_ACCESS_KEY_ID": "theirs",
    "AWS_SECRET_ACCESS_KEY": "theirs",
    "AWS_SESSION_TOKEN": "theirs",
    "AWS_SECURITY_TOKEN": "theirs",
    "AWS_CREDENTIAL_EXPIRATION": "2020-01-01T00:00:00Z",
    "AWS_ACCOUNT_ID": "999999999999",
    "AWS_ROLE_ARN": "arn:aws:iam::999999999999:role/theirs",
    "AWS_WEB_IDENTITY_TOKEN_FILE": "/no/such/token",
    "AWS_CREDENTIAL_FILE": "HOME/config",
    "BOTO_CONFIG": "HOME/config",
    "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
    "AWS_ENDPOINT_URL_SQS": "http://127.0.0.1:9",
    "AWS_ENDPOINT_URL_DYNAMODB": "http://127.0.0.1:9",
    "AWS_ENDPOINT_URL_S3": "http://127.0.0.1:9",
    "AWS_BEARER_TOKEN_SQS": "theirs",
    "AWS_S3_USE_ARN_REGION": "true",
    "AWS_S3_US_EAST_1_REGIONAL_ENDPOINT": "legacy",
    "REQUESTS_CA_BUNDLE": "/no/such/bundle",
    "SSLKEYLOGFILE": "/no/such/folder/keys",
    **{
        spelled: "http://127.0.0.1:9"
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
        for spelled in (name, name.lower())
    },
}


def _session_variables() -> list[str]:
    found: list[str] = []
    for _, names, _, _ in Session.SESSION_VARIABLES.values():
        found += [names] if isinstance(names, str) else names or []
    return found


def hostile(home: Path, names: list[str]) -> dict[str, str]:
    known = {**OTHERS, **WRONG}
    return {name: known.get(name, "7").replace("HOME", str(home)) for name in names}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A home with a configuration that a worker must not read."""
    lines = ["region = eu-west-1", "endpoint_url = http://127.0.0.1:9", "use_fips_endpoint = true"]
    keys = ["aws_access_key_id = theirs", "aws_secret_access_key = theirs"]
    text = "\n".join(["[default]", *lines, *keys, "[profile corp]", *lines, *keys])
    (tmp_path / ".aws" / "models" / "sqs" / "2012-11-05").mkdir(parents=True)
    (tmp_path / ".aws" / "models" / "sqs" / "2012-11-05" / "service-2.json").write_text("{}")
    for file in (tmp_path / ".aws" / "config", tmp_path / ".aws" / "credentials", tmp_path / "config"):
        file.write_text(text)
    monkeypatch.setenv("HOME", str(tmp_path))
    clients._session.cache_clear()
    yield tmp_path
    clients._session.cache_clear()


def facts(client: Any) -> dict[str, Any]:
    """All that decides where a client's requests go, and as whom."""
    credentials = client._request_signer._credentials.get_frozen_credentials()
    http = client._endpoint.http_session
    settings = {name: getattr(client.meta.config, name) for name in client.meta.config.OPTION_DEFAULTS}
    return {
        "endpoint": client.meta.endpoint_url,
        "region": client.meta.region_name,
        "access key": credentials.access_key,
        "token": credentials.token,
        "proxies": http._proxy_config._proxies,
        "verify": http._verify,
        "settings": {name: value for name, value in settings.items() if not name.startswith("user_agent")},
        "signature": client.meta.config.signature_version,
        "tries": client.meta.config.retries,
    }


def all_facts() -> list[dict[str, Any]]:
    clients._session.cache_clear()
    made = [
        clients.sqs("us-east-1", connections=1),
        clients.dynamodb("us-east-1", connections=1),
        clients.s3("us-east-1"),
    ]
    return [facts(client) for client in made]


def set_all(monkeypatch: pytest.MonkeyPatch, variables: Mapping[str, str]) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)


@pytest.mark.parametrize("name", [*_session_variables(), *OTHERS])
def test_no_variable_of_the_job_steers_the_workers_client(
    monkeypatch: pytest.MonkeyPatch, home: Path, name: str
) -> None:
    set_all(monkeypatch, wired(ENDPOINT))
    expected = facts(clients.sqs("us-east-1", connections=1))
    assert (expected["endpoint"], expected["access key"], expected["proxies"]) == (ENDPOINT, "test", {})
    clients._session.cache_clear()
    set_all(monkeypatch, hostile(home, [name]))
    assert facts(clients.sqs("us-east-1", connections=1)) == expected


def test_all_of_them_together_steer_none_of_the_workers_clients(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    set_all(monkeypatch, wired(ENDPOINT))
    expected = all_facts()
    set_all(monkeypatch, hostile(home, [*_session_variables(), *OTHERS]))
    assert all_facts() == expected


@pytest.fixture
def role() -> Iterator[str]:
    """The address of a task role's credentials, as the ECS agent serves them."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            expiry = {"Expiration": "2099-01-01T00:00:00Z", "RoleArn": "arn"}
            body = json.dumps({"AccessKeyId": "role", "SecretAccessKey": "s", "Token": "t", **expiry}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/credentials"
    server.shutdown()
    server.server_close()
    thread.join()


def test_in_a_task_the_clients_have_the_role_of_the_task_and_aws_addresses(
    monkeypatch: pytest.MonkeyPatch, home: Path, role: str
) -> None:
    set_all(monkeypatch, hostile(home, [*_session_variables(), *OTHERS]))
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", role)
    found = all_facts()
    assert [(fact["endpoint"], fact["access key"], fact["token"], fact["proxies"]) for fact in found] == [
        ("https://sqs.us-east-1.amazonaws.com", "role", "t", {}),
        ("https://dynamodb.us-east-1.amazonaws.com", "role", "t", {}),
        ("https://s3.us-east-1.amazonaws.com", "role", "t", {}),
    ]


def test_a_relative_address_is_the_ecs_agents(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/v2/credentials/7")
    provider = clients._session().get_component("credential_provider").providers[0]
    assert provider._fetcher.full_url(provider._environ[provider.ENV_VAR]) == "http://169.254.170.2/v2/credentials/7"


def test_on_ones_own_machine_ones_own_configuration_counts(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    for name in [*_session_variables(), *OTHERS]:
        monkeypatch.delenv(name, raising=False)
    found = facts(clients.s3(None))
    assert (found["endpoint"], found["region"], found["access key"]) == ("http://127.0.0.1:9", "eu-west-1", "theirs")


def test_a_worker_with_all_of_them_does_its_job_and_the_job_gets_them(
    start: Start, queue: TestQueue, home: Path
) -> None:
    queue.send("job")
    variables = hostile(home, [*_session_variables(), *OTHERS])
    worker = start(
        """
        import json, os
        from pathlib import Path
        def handle(job): Path("seen").write_text(json.dumps(dict(os.environ)))
        """,
        HOME=str(home),
        **variables,
    )
    worker.wait_for("job_done")
    assert variables.items() <= json.loads(worker.note("seen")).items()
    assert queue.counts() == (0, 0)


def test_a_call_is_tried_once_and_ends_while_the_lease_lasts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EBB_AWS_ENDPOINT_URL", ENDPOINT)
    made: list[Any] = [
        clients.sqs("us-east-1", connections=4),
        clients.sqs("us-east-1", connections=4, read_seconds=25),
        clients.dynamodb("us-east-1", connections=4),
    ]
    options = [client.meta.config for client in made]
    assert [(one.connect_timeout, one.read_timeout, one.max_pool_connections) for one in options] == [
        (3, 5, 4),
        (3, 25, 4),
        (3, 5, 4),
    ]
    assert [one.retries for one in options] == [{"mode": "standard", "total_max_attempts": 1}] * 3


@pytest.mark.parametrize(
    ("url", "region"),
    [
        ("https://sqs.eu-central-1.amazonaws.com/1/jobs", "eu-central-1"),
        ("https://sqs.us-gov-west-1.amazonaws.com/1/jobs.fifo", "us-gov-west-1"),
        ("https://sqs.cn-north-1.amazonaws.com.cn/1/jobs", "cn-north-1"),
        ("https://sqs.eusc-de-east-1.amazonaws.eu/1/jobs", "eusc-de-east-1"),
        ("https://sqs.us-iso-east-1.c2s.ic.gov/1/jobs", "us-iso-east-1"),
        ("https://sqs.us-isob-east-1.sc2s.sgov.gov/1/jobs", "us-isob-east-1"),
        ("https://sqs.eu-isoe-west-1.cloud.adc-e.uk/1/jobs", "eu-isoe-west-1"),
        ("https://sqs-fips.us-east-1.amazonaws.com/1/jobs", "us-east-1"),
        ("https://sqs.us-east-1.api.aws/1/jobs", "us-east-1"),
        ("https://vpce-1-2.sqs.us-east-1.vpce.amazonaws.com/1/jobs", "us-east-1"),
        ("http://127.0.0.1:4566/1/sqs.eu-west-1.jobs", "ap-south-1"),
    ],
)
def test_the_region_is_the_queues(url: str, region: str) -> None:
    variables = {"EBB_QUEUE_URL": url, "EBB_AWS_REGION": "ap-south-1", "AWS_REGION": "us-west-2"}
    assert config.read_job(variables).region == region


def test_an_endpoint_of_credentials_that_fails_is_not_bad_settings(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    def fails(*_: object, **__: object) -> None:
        raise MetadataRetrievalError(error_msg="500")

    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://localhost/role")
    monkeypatch.setattr(ContainerMetadataFetcher, "retrieve_full_uri", fails)
    with pytest.raises(clients.CredentialsError, match="there are no credentials of the task's role: "):
        clients.sqs("us-east-1", connections=1)
