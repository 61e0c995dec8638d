"""CloudWatch: metric alarms, dashboards and log groups."""

from ebb.sandbox.provider import documented_values
from ebb.sandbox.provider.aws import Aws
from ebb.sandbox.provider.resources._row import (
    Call,
    Props,
    Row,
    Tags,
    changed,
    deletes,
    first,
    pick,
    pulumi_names,
    send,
    tag_map,
)
from ebb.sandbox.provider.shapes import RefusedError

_ALARM_SAME = (
    "actionsEnabled", "alarmActions", "alarmDescription", "comparisonOperator", "datapointsToAlarm", "dimensions",
    "evaluationPeriods", "insufficientDataActions", "metricName", "namespace", "okActions",
    "period", "statistic", "threshold", "treatMissingData", "unit",
)  # fmt: skip


def _alarm(props: Props) -> Call:
    params = pick(props, *_ALARM_SAME, alarmName="name", tags="tagsAll")
    if props.get("metricQueries"):
        params["metrics"] = [_query(query) for query in props["metricQueries"]]
    return "cloudwatch", "put_metric_alarm", params


def _query(query: Props) -> Props:
    """A metric query in AWS's form. Pulumi has the metric's fields and its period and statistic in one object."""
    if not isinstance(query, dict) or not query.get("metric"):
        return query
    metric = dict(query["metric"])
    own = {name: metric.pop(name) for name in ("namespace", "metricName", "dimensions") if name in metric}
    rest = {name: value for name, value in query.items() if name != "metric"}
    return rest | {"metricStat": metric | {"metric": own}}


def _pulumi_query(query: Props) -> Props:
    flat = {name: value for name, value in pulumi_names(query).items() if name != "metricStat"}
    if stat := pulumi_names(query).get("metricStat"):
        metric = stat.pop("metric")
        metric["dimensions"] = {item["name"]: item["value"] for item in metric.get("dimensions", [])}
        flat["metric"] = stat | metric
    return flat


def _put_alarm(aws: Aws, props: Props) -> tuple[str, Props]:
    send(aws, _alarm(props))
    return props["name"], {"arn": aws.arn("cloudwatch", f"alarm:{props['name']}")}


def _update_alarm(aws: Aws, _: str, __: Props, new: Props) -> Props:
    return _put_alarm(aws, new)[1]


def _read_alarm(aws: Aws, name: str, _: Props) -> Props | None:
    answer = aws.call("cloudwatch", "describe_alarms", alarmNames=[name])
    found = first(answer, "MetricAlarms")
    if found is None:
        return None
    tags = aws.call("cloudwatch", "list_tags_for_resource", resourceARN=found["alarmArn"])["Tags"]
    return found | {
        "name": name,
        "oKActions": None,
        "okActions": found.get("oKActions"),
        "dimensions": {item["name"]: item["value"] for item in found.get("dimensions", [])},
        "metricQueries": [_pulumi_query(query) for query in answer["MetricAlarms"][0].get("Metrics", [])],
        "tagsAll": tag_map(tags),
    }


def _dashboard(props: Props) -> Call:
    return "cloudwatch", "put_dashboard", pick(props, "dashboardName", "dashboardBody")


def _put_dashboard(aws: Aws, props: Props) -> tuple[str, Props]:
    send(aws, _dashboard(props))
    # the ARN has no region (service authorization reference of CloudWatch)
    arn = aws.arn("cloudwatch", f"dashboard/{props['dashboardName']}").split(":")
    return props["dashboardName"], {"dashboardArn": ":".join([*arn[:3], "", *arn[4:]])}


def _read_dashboard(aws: Aws, name: str, _: Props) -> Props | None:
    found = aws.find("cloudwatch", "get_dashboard", dashboardName=name)
    return found and {"dashboardName": name, "dashboardBody": found["DashboardBody"]}


def _group(props: Props) -> Call:
    # another call sets it, but a preview must refuse it too
    for problem in documented_values.problems("logs", pick(props, "retentionInDays")):
        raise RefusedError(problem)
    return "logs", "create_log_group", pick(props, "kmsKeyId", logGroupName="name", tags="tagsAll")


def _create_group(aws: Aws, props: Props) -> tuple[str, Props]:
    send(aws, _group(props))
    _retain(aws, props["name"], {}, props)
    return props["name"], {"arn": aws.arn("logs", f"log-group:{props['name']}")}


def _retain(aws: Aws, name: str, old: Props, new: Props) -> Props:
    if old and changed(old, new, "kmsKeyId"):
        key = pick(new, "kmsKeyId")
        aws.call("logs", "associate_kms_key" if key else "disassociate_kms_key", logGroupName=name, **key)
    if changed(old, new, "retentionInDays"):
        if new.get("retentionInDays"):
            aws.call("logs", "put_retention_policy", logGroupName=name, retentionInDays=new["retentionInDays"])
        else:  # 0 or not set: logs never expire
            aws.call("logs", "delete_retention_policy", logGroupName=name)
    return {}


def _read_group(aws: Aws, name: str, _: Props) -> Props | None:
    groups = aws.call("logs", "describe_log_groups", logGroupNamePrefix=name)["logGroups"]
    found: Props | None = next((group for group in groups if group["logGroupName"] == name), None)
    if found is None:
        return None
    tags = aws.call("logs", "list_tags_for_resource", resourceArn=found["arn"].removesuffix(":*"))["tags"]
    return found | {"name": name, "tagsAll": tags, "arn": found["arn"].removesuffix(":*")}


ROWS = (
    Row(
        type="aws:cloudwatch/metricAlarm:MetricAlarm",
        inputs=frozenset({*_ALARM_SAME, "metricQueries", "name", "tags"}),
        required=frozenset({"comparisonOperator", "evaluationPeriods"}),
        replaces=frozenset({"name"}),
        autoname=("name", 255),
        tags=Tags(service="cloudwatch", target="resourceARN"),
        request=_alarm,
        create=_put_alarm,
        read=_read_alarm,
        update=_update_alarm,
        delete=deletes("cloudwatch", "delete_alarms", alarmNames="ids"),
    ),
    Row(
        type="aws:cloudwatch/dashboard:Dashboard",
        inputs=frozenset({"dashboardName", "dashboardBody"}),
        required=frozenset({"dashboardName", "dashboardBody"}),
        replaces=frozenset({"dashboardName"}),
        documents=frozenset({"dashboardBody"}),
        request=_dashboard,
        create=_put_dashboard,
        read=_read_dashboard,
        update=lambda aws, _, __, new: _put_dashboard(aws, new)[1],
        delete=deletes("cloudwatch", "delete_dashboards", dashboardNames="ids"),
    ),
    Row(
        type="aws:cloudwatch/logGroup:LogGroup",
        inputs=frozenset({"kmsKeyId", "name", "retentionInDays", "tags"}),
        replaces=frozenset({"logGroupClass", "name"}),
        autoname=("name", 512),
        tags=Tags(service="logs", target="resourceArn"),
        request=_group,
        create=_create_group,
        read=_read_group,
        update=_retain,
        delete=deletes("logs", "delete_log_group", logGroupName="id"),
    ),
)
