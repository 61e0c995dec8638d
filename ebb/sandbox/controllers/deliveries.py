"""Delivers the events of EventBridge to the targets of its rules, in simulated time: HTTP servers, queues, workflows.

An API destination is called if it is on this machine: the sandbox sends nothing to others. Other differences from AWS:
the pauses between attempts have no random part, and a rule's input can be a constant but no template.
"""

import http.client
import json
import threading
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from botocore.exceptions import BotoCoreError, ClientError

from ebb.sandbox.controllers.ticker import Reporter, SimulatedRegion, Ticker
from ebb.sandbox.emulators.local_http import OPENER
from ebb.sandbox.emulators.moto_patches import ON_EVENT

if TYPE_CHECKING:
    from types_boto3_sqs import SQSClient
    from types_boto3_stepfunctions import SFNClient

#: Simulated seconds between two looks at what is due.
CHECK_SECONDS = 15
#: Attempts after the first one, and seconds after the event ("Retrying event delivery", eb-rule-retry-policy.html).
ATTEMPTS, AGE_SECONDS = 185, 24 * 3600
#: Seconds between attempts: they double up to this. AWS does not document its pauses.
MAX_PAUSE_SECONDS = 600
#: Real seconds in which an HTTP server must answer ("API destinations", eb-api-destinations.html).
TIMEOUT = 5
#: HTTP statuses after which EventBridge tries again, as after each 5xx (same page).
RETRIED = (401, 407, 409, 429)
_HERE = ("127.0.0.1", "localhost", "::1")


class DeliveryError(Exception):
    """A target did not take an event; `again` after how many seconds at least, None if trying again is useless."""

    def __init__(self, code: str, text: str, again: float | None = None) -> None:
        super().__init__(text)
        self.code, self.again = code, again


@dataclass
class _Delivery:
    """An event for a target: when it was put, how often it was tried again, and when it is due. Simulated seconds."""

    rule: str
    target: dict[str, Any]
    event: dict[str, Any]
    put: float
    due: float
    retries: int = 0

    @property
    def rule_name(self) -> str:
        """The last part of the rule's ARN."""
        return self.rule.rsplit("/", 1)[1]


class EventBridge:
    """Delivers each event to the targets of the rules that it matches, until the target's retry policy ends.

    A delivery is an event of kind "delivery". One that fails permanently is in the target's dead-letter queue, or of
    kind "error" if it has none.
    """

    def __init__(self, region: SimulatedRegion) -> None:
        self._client, self._clock, self._events = region.client, region.clock, region.events
        self._reporter = Reporter(region.events)
        self._sqs: SQSClient = region.client("sqs")
        self._workflows: SFNClient = region.client("stepfunctions")
        self._waiting: list[_Delivery] = []
        self._lock = threading.Lock()
        self._ticker = Ticker(region, "eventbridge", self.check, CHECK_SECONDS)

    def start(self) -> None:
        """Take and deliver events until stop()."""
        ON_EVENT.append(self.receive)
        self._ticker.start()

    def stop(self) -> None:
        """Stop delivering; what waits is lost."""
        if self.receive in ON_EVENT:
            ON_EVENT.remove(self.receive)
        self._ticker.stop()

    def receive(self, rule: str, target: dict[str, Any], event: dict[str, Any]) -> None:
        """Take an event for a target of a rule."""
        now = self._clock.now()
        with self._lock:
            self._waiting.append(_Delivery(rule, target, event, now, now))
        self._ticker.trigger()

    def check(self) -> None:
        """Deliver what is due now."""
        now = self._clock.now()
        with self._lock:
            due = [each for each in self._waiting if each.due <= now]
            self._waiting = [each for each in self._waiting if each.due > now]
        for delivery in due:
            self._try(delivery)

    def _try(self, delivery: _Delivery) -> None:
        name, arn = delivery.rule_name, delivery.target["Arn"]
        try:
            what = self._deliver(delivery)
        except DeliveryError as error:
            self._fail(delivery, error)
        except (ClientError, BotoCoreError) as error:
            self._fail(delivery, DeliveryError("SDK_CLIENT_ERROR", str(error), 0.0))
        else:
            self._events.add("delivery", f"{name}: {delivery.event['detail-type']} {what}.", rule=name, target=arn)

    def _fail(self, delivery: _Delivery, error: DeliveryError) -> None:
        policy = delivery.target.get("RetryPolicy", {})
        pause = max(error.again or 0.0, min(2.0**delivery.retries, MAX_PAUSE_SECONDS))
        due, last = self._clock.now() + pause, delivery.put + policy.get("MaximumEventAgeInSeconds", AGE_SECONDS)
        if error.again is None:
            self._give_up(delivery, error, None)
        elif delivery.retries >= policy.get("MaximumRetryAttempts", ATTEMPTS):
            self._give_up(delivery, error, "MaximumRetryAttempts")
        elif due > last:
            self._give_up(delivery, error, "MaximumEventAgeInSeconds")
        else:
            delivery.retries, delivery.due = delivery.retries + 1, due
            with self._lock:
                self._waiting.append(delivery)

    def _give_up(self, delivery: _Delivery, error: DeliveryError, exhausted: str | None) -> None:
        """Send the event to the dead-letter queue ("Using dead-letter queues", eb-rule-dlq.html)."""
        name, queue = delivery.rule_name, delivery.target.get("DeadLetterConfig", {}).get("Arn")
        text = f"{name}: {delivery.target['Arn']} did not take an event: {error}"
        if queue is None:
            self._reporter.report("error", delivery.rule, text)
            return
        about = {
            "RULE_ARN": delivery.rule,
            "TARGET_ARN": delivery.target["Arn"],
            "ERROR_CODE": error.code,
            "ERROR_MESSAGE": str(error),
            "RETRY_ATTEMPTS": str(delivery.retries),
            **({"EXHAUSTED_RETRY_CONDITION": exhausted} if exhausted else {}),
        }
        try:
            self._send(queue, json.dumps(delivery.event), about)
        except (ClientError, BotoCoreError) as failure:
            self._reporter.report("error", delivery.rule, f"{text} The dead-letter queue did not take it: {failure}")
        else:
            self._events.add("delivery", f"{text} It is in the dead-letter queue.", rule=name, target=queue)

    def _deliver(self, delivery: _Delivery) -> str:
        """Call the target; returns a text that says what was called."""
        target = delivery.target
        text = target.get("Input") or json.dumps(delivery.event, ensure_ascii=False)
        match target["Arn"].split(":")[2], target["Arn"].split(":")[5].split("/")[0]:
            case "events", "api-destination":
                return self._call(target["Arn"], text)
            case "sqs", queue:
                self._send(target["Arn"], text, {})
                return f"sent to {queue}"
            case "states", _:
                self._workflows.start_execution(stateMachineArn=target["Arn"], input=text)
                return f"started {target['Arn'].rsplit(':', 1)[1]}"
        raise DeliveryError("NOT_SUPPORTED", "this target is not in the sandbox")

    def _send(self, queue: str, body: str, attributes: dict[str, str]) -> None:
        *_, account, name = queue.split(":")
        url = self._sqs.get_queue_url(QueueName=name, QueueOwnerAWSAccountId=account)["QueueUrl"]
        texts: Any = {key: {"DataType": "String", "StringValue": value} for key, value in attributes.items()}
        self._sqs.send_message(QueueUrl=url, MessageBody=body, MessageAttributes=texts)

    def _call(self, arn: str, body: str) -> str:
        """Call an API destination with its connection's header."""
        events = self._client("events")
        destination = events.describe_api_destination(Name=arn.split("/")[1])
        connection = events.describe_connection(Name=destination["ConnectionArn"].split("/")[1])
        url, method = destination["InvocationEndpoint"], destination["HttpMethod"]
        if urlsplit(url).hostname not in _HERE:
            raise DeliveryError("NOT_CALLED", f"the sandbox calls no server of another machine, such as {url}")
        secret = self._client("secretsmanager").get_secret_value(SecretId=connection["SecretArn"])["SecretString"]
        key = json.loads(secret)
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "User-Agent": "Amazon/EventBridge/ApiDestinations",
            key["api_key_name"]: key["api_key_value"],
        }
        request = urllib.request.Request(url, body.encode(), headers, method=method)  # noqa: S310 - on this machine
        try:
            with OPENER.open(request, timeout=TIMEOUT) as answer:
                return f"sent to {url}: {answer.status}"
        except urllib.error.HTTPError as error:
            with error:
                raise _refused(error) from None
        except (OSError, http.client.HTTPException) as error:
            raise DeliveryError("SDK_CLIENT_ERROR", f"no answer from {url}: {error}", 0.0) from None


def _refused(error: urllib.error.HTTPError) -> DeliveryError:
    """For an HTTP status that is no success. Retry-After counts if it is longer than the pause would be."""
    given = error.headers.get("Retry-After", "0").strip()
    again = float(given) if given.lstrip("-").isdigit() else 0.0
    retried = (error.code in RETRIED or error.code >= 500) and again >= 0
    return DeliveryError(
        "THROTTLING" if error.code == 429 else "SDK_CLIENT_ERROR",
        f"HTTP status {error.code}",
        again if retried else None,
    )
