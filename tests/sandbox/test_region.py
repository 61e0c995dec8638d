import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from ebb.sandbox.emulators.clock import Clock
from ebb.sandbox.emulators.ministack.router import MINISTACK_SERVICES, signed_for
from ebb.sandbox.emulators.region import Region, RegionError
from tests.helpers.waiting import alive, until

ROOT = Path(__file__).resolve().parents[2]
#: Starts a region in a user's environment with profile, proxy and service endpoints, and prints what it created.
STARTER = """
import sys
from ebb.sandbox.emulators.region import Region
with Region() as region:
    queue = region.client("sqs").create_queue(QueueName="mine")["QueueUrl"]
    vpcs = len(region.client("ec2").describe_vpcs()["Vpcs"])
    print(region.endpoint, region.directory, region.reaper.pid, queue, vpcs, flush=True)
    sys.stdin.read()
print("stopped", flush=True)
"""


def answers(endpoint: str) -> bool:
    host, port = endpoint.removeprefix("http://").split(":")
    with contextlib.suppress(OSError), socket.create_connection((host, int(port)), timeout=5):
        return True
    return False


@contextlib.contextmanager
def started(**environment: str) -> Iterator[tuple[subprocess.Popen[str], list[str]]]:
    with subprocess.Popen(
        [sys.executable, "-c", STARTER],
        cwd=ROOT,
        env={**os.environ, **environment},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        try:
            yield process, process.stdout.readline().split()
        finally:
            process.kill()


def test_one_address_serves_queues_from_one_emulator_and_the_rest_from_the_other(region: Region) -> None:
    url = region.client("sqs").create_queue(QueueName="jobs")["QueueUrl"]
    assert url == f"{region.endpoint}/000000000000/jobs"
    assert region.client("sts").get_caller_identity()["Account"] == "000000000000"
    vpc = region.client("ec2").create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    region.client("ecs").create_cluster(clusterName="jobs")
    assert {f"ec2 describe_vpcs: {vpc}", f"sqs list_queues: {url}"} <= set(region.inventory())


def test_each_service_that_one_emulator_keeps_is_left_to_it(region: Region) -> None:
    signed = "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/{}/aws4_request, SignedHeaders=host, Signature=0"
    for service in ("sqs", "apigateway", "execute-api", "states", "scheduler", "dynamodb"):
        assert signed_for([(b"authorization", signed.format(service).encode())]) in MINISTACK_SERVICES
    assert signed_for([(b"Authorization", signed.format("ec2").encode())]) == "ec2"
    assert signed_for([(b"authorization", b"Bearer x"), (b"host", b"x")]) is None
    assert region.client("dynamodb").list_tables()["TableNames"] == []
    assert region.client("stepfunctions").list_state_machines()["stateMachines"] == []
    assert region.client("scheduler").list_schedules()["Schedules"] == []


def test_bodies_and_odd_names_pass_through_to_the_other_emulator_unchanged(region: Region) -> None:
    s3, content = region.client("s3"), os.urandom(300_000)
    s3.create_bucket(Bucket="files")
    s3.put_object(Bucket="files", Key="a b/ä?%2F+&=", Body=content)
    assert s3.get_object(Bucket="files", Key="a b/ä?%2F+&=")["Body"].read() == content
    assert [found["Key"] for found in s3.list_objects_v2(Bucket="files", Prefix="a b/ä")["Contents"]] == [
        "a b/ä?%2F+&="
    ]


def test_what_the_emulator_has_not_fails_at_once_instead_of_after_four_tries(region: Region) -> None:
    with pytest.raises(ClientError) as refused:
        region.client("ecs").update_task_protection(cluster="x", tasks=["y"], protectionEnabled=True)
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 500
    assert refused.value.response["ResponseMetadata"]["RetryAttempts"] == 0


def test_a_client_is_made_once_per_service(region: Region) -> None:
    assert region.client("ecs") is region.client("ecs")


def test_a_reset_account_is_empty_and_has_no_events(region: Region) -> None:
    region.client("sqs").create_queue(QueueName="jobs")
    region.client("logs").create_log_group(logGroupName="/jobs")
    region.client("kms").create_key()
    region.client("ssm").put_parameter(Name="/key", Value="x", Type="SecureString")
    region.client("secretsmanager").create_secret(Name="s", SecretString="x")
    region.client("iam").create_role(RoleName="r", AssumeRolePolicyDocument="{}")
    region.client("apigateway").create_rest_api(name="jobs")
    region.client("ecs").register_task_definition(
        family="f", containerDefinitions=[{"name": "c", "image": "i", "memory": 1}]
    )
    region.events.add("task", "started", id=1)
    assert [line.split(":")[0] for line in region.inventory()] == [
        "apigateway get_rest_apis",
        "ecs list_task_definitions",
        "iam list_roles",
        "kms list_keys",
        "logs describe_log_groups",
        "secretsmanager list_secrets",
        "sqs list_queues",
        "ssm describe_parameters",
    ]
    region.reset()
    assert region.inventory() == []
    assert list(region.events) == []


def test_what_is_scheduled_for_deletion_is_no_leftover(region: Region) -> None:
    kms, secrets = region.client("kms"), region.client("secretsmanager")
    kms.schedule_key_deletion(KeyId=kms.create_key()["KeyMetadata"]["KeyId"], PendingWindowInDays=7)
    secrets.create_secret(Name="s", SecretString="x")
    secrets.delete_secret(SecretId="s")
    assert region.inventory() == []


def test_managed_policies_can_be_attached(region: Region) -> None:
    iam = region.client("iam")
    iam.create_role(RoleName="r", AssumeRolePolicyDocument="{}")
    arn = "arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy"
    iam.attach_role_policy(RoleName="r", PolicyArn=arn)
    assert [found["PolicyArn"] for found in iam.list_attached_role_policies(RoleName="r")["AttachedPolicies"]] == [arn]


def test_an_sdk_with_the_environment_reaches_the_account_whatever_the_user_has_set(region: Region) -> None:
    script = "import boto3; print(boto3.client('sts').get_caller_identity()['Account'])"
    hostile = {"AWS_PROFILE": "corp", "HTTP_PROXY": "http://127.0.0.1:9", "http_proxy": "http://127.0.0.1:9"}
    environment = {**os.environ, **hostile, **region.environment()}
    assert subprocess.check_output([sys.executable, "-c", script], env=environment, text=True) == "000000000000\n"


def test_a_second_region_in_the_process_is_refused(region: Region) -> None:
    with pytest.raises(RegionError, match="Only one region"), Region():
        pass
    assert region.client("sqs").list_queues().get("QueueUrls", []) == []


def test_the_users_profile_and_proxy_do_not_reach_it_and_nothing_is_left_after_it(tmp_path: Path) -> None:
    hostile = {"AWS_PROFILE": "corp", "AWS_ENDPOINT_URL_SQS": "http://127.0.0.1:9", "AWS_USE_FIPS_ENDPOINT": "true"}
    proxies = dict.fromkeys(("HTTP_PROXY", "http_proxy", "ALL_PROXY"), "http://127.0.0.1:9")
    with started(**hostile, **proxies, TMPDIR=str(tmp_path)) as (process, facts):
        endpoint, directory, reaper, queue, vpcs = facts
        assert (queue, vpcs) == (f"{endpoint}/000000000000/mine", "1")
        assert answers(endpoint)
        out, _ = process.communicate("")
    assert out == "stopped\n"
    assert process.returncode == 0
    assert not answers(endpoint)
    assert not alive(int(reaper))
    assert directory.startswith(str(tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_left_after_sigkill(tmp_path: Path) -> None:
    with started(TMPDIR=str(tmp_path)) as (process, (endpoint, directory, reaper, *_)):
        assert Path(directory).is_dir()
        process.send_signal(signal.SIGKILL)
        process.wait()
        until(lambda: not answers(endpoint))
        until(lambda: not alive(int(reaper)))
        assert list(tmp_path.iterdir()) == []


def listening(pids: list[int]) -> set[tuple[str, int]]:
    """Addresses and ports on which these processes listen."""
    if not Path("/proc/net/tcp").exists():
        command = ["lsof", "-nP", "-a", "-iTCP", "-sTCP:LISTEN", "-Fn", "-p", ",".join(map(str, pids))]
        names = subprocess.run(command, capture_output=True, text=True, check=False).stdout.split()
        return {(name[1:].rpartition(":")[0], int(name.rpartition(":")[2])) for name in names if name[0] == "n"}
    folders = [Path(f"/proc/{pid}/fd") for pid in pids]
    links = [link for folder in folders if folder.exists() for link in folder.iterdir()]
    inodes = {link.readlink().name for link in links if link.is_symlink()}
    found = set()
    for table, size in (("tcp", 8), ("tcp6", 32)):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            address, _, port = fields[1].partition(":")
            if fields[3] == "0A" and f"socket:[{fields[9]}]" in inodes:
                word = bytes.fromhex(address)[::-1] if size == 8 else bytes.fromhex(address)
                found.add((".".join(map(str, word)), int(port, 16)))
    return found


def test_everything_listens_on_this_machine_only(region: Region) -> None:
    table = subprocess.check_output(["ps", "-axo", "pid=,ppid="], text=True).splitlines()
    children = [int(pid) for pid, parent in map(str.split, table) if int(parent) == os.getpid()]
    sockets = listening([os.getpid(), *children])
    assert {address for address, _ in sockets} == {"127.0.0.1"}
    assert int(region.endpoint.rsplit(":", 1)[1]) in {port for _, port in sockets}
    assert len(sockets) >= 2  # MiniStack's and moto's; other tests in this process may have an emulator up


def test_an_emulator_that_does_not_start_is_one_sentence_and_leaves_nothing(tmp_path: Path) -> None:
    script = """
import functools
from ebb.sandbox.emulators import region
region.Server = functools.partial(region.Server, module="ebb.no_such_module")
region.Region().__enter__()
"""
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    command = [sys.executable, "-c", script]
    failed = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert failed.returncode == 1
    assert failed.stderr.splitlines()[-1].startswith(
        "ebb.sandbox.emulators.ministack.server.MiniStackError: MiniStack did not start: "
    )
    assert failed.stderr.splitlines()[-1].endswith("No module named ebb.no_such_module")
    assert list(tmp_path.iterdir()) == []


@given(speed=st.floats(0.1, 10_000), seconds=st.floats(0, 1e6))
def test_real_time_is_simulated_time_divided_by_the_speed(speed: float, seconds: float) -> None:
    assert Clock(speed).real(seconds) == pytest.approx(seconds / speed)


def test_the_clock_starts_now_and_runs_at_its_speed() -> None:
    clock = Clock(10_000)
    before = time.monotonic()
    first = clock.now()
    between = time.monotonic()
    time.sleep(0.05)
    after = time.monotonic()
    last = clock.now()
    end = time.monotonic()
    assert (after - between) * 10_000 <= last - first <= (end - before) * 10_000


@pytest.mark.parametrize("speed", [0.0, -1.0, float("nan")])
def test_a_clock_that_does_not_run_is_refused(speed: float) -> None:
    with pytest.raises(ValueError, match="The speed must be above 0"):
        Clock(speed)
