"""Route 53: hosted zones, and records that are aliases of an AWS resource."""

import uuid

from ebb.sandbox.provider.aws import Aws
from ebb.sandbox.provider.resources._row import Call, Props, Row, deletes, only, send
from ebb.sandbox.provider.shapes import UNKNOWN

_ALIAS = ("name", "zoneId", "evaluateTargetHealth")


def _change(props: Props, action: str) -> Call:
    record = {"Name": props.get("name"), "Type": props.get("type")}
    aliases = props.get("aliases")
    if isinstance(aliases, list) and aliases and aliases[0] != UNKNOWN:
        alias = only(aliases[0], "aliases[0]", *_ALIAS)
        record["AliasTarget"] = {
            "DNSName": alias.get("name"),
            "HostedZoneId": alias.get("zoneId"),
            "EvaluateTargetHealth": alias.get("evaluateTargetHealth", False),
        }
    batch = {"Changes": [{"Action": action, "ResourceRecordSet": record}]}
    return "route53", "change_resource_record_sets", {"HostedZoneId": props.get("zoneId"), "ChangeBatch": batch}


def _record(props: Props) -> Call:
    return _change(props, "UPSERT")


def _put(aws: Aws, props: Props) -> tuple[str, Props]:
    send(aws, _record(props))
    return f"{props['zoneId']}_{props['name']}_{props['type']}", {"fqdn": props["name"]}


def _read(aws: Aws, _: str, outputs: Props) -> Props | None:
    params = {"HostedZoneId": outputs["zoneId"], "StartRecordName": outputs["name"], "StartRecordType": outputs["type"]}
    listed = aws.find("route53", "list_resource_record_sets", **params, MaxItems="1")
    for found in (listed or {}).get("ResourceRecordSets", []):
        if (found["Name"].removesuffix("."), found["Type"]) == (outputs["name"], outputs["type"]):
            alias = found["AliasTarget"]
            shown = {
                "name": alias["DNSName"].removesuffix("."),
                "zoneId": alias["HostedZoneId"],
                "evaluateTargetHealth": alias["EvaluateTargetHealth"],
            }
            return {"zoneId": outputs["zoneId"], "name": outputs["name"], "type": outputs["type"], "aliases": [shown]}
    return None


def _delete(aws: Aws, _: str, outputs: Props) -> None:
    service, operation, params = _change(outputs, "DELETE")
    aws.find(service, operation, **params)


def _zone(props: Props) -> Call:
    params = {"Name": props.get("name"), "CallerReference": str(uuid.uuid4())}
    return "route53", "create_hosted_zone", params | {"HostedZoneConfig": {"Comment": props.get("comment", "")}}


def _create_zone(aws: Aws, props: Props) -> tuple[str, Props]:
    zone = send(aws, _zone(props))["HostedZone"]["Id"].rpartition("/")[2]
    return zone, {"zoneId": zone}


def _read_zone(aws: Aws, zone: str, _: Props) -> Props | None:
    found = aws.find("route53", "get_hosted_zone", Id=zone)
    if found is None:
        return None
    shown = found["HostedZone"]
    return {"name": shown["Name"].removesuffix("."), "comment": shown["Config"].get("Comment"), "zoneId": zone}


def _update_zone(aws: Aws, zone: str, _: Props, new: Props) -> Props:
    aws.call("route53", "update_hosted_zone_comment", Id=zone, Comment=new.get("comment", ""))
    return {}


ROWS = (
    Row(
        type="aws:route53/zone:Zone",
        inputs=frozenset({"name", "comment"}),
        required=frozenset({"name"}),
        replaces=frozenset({"name"}),
        request=_zone,
        create=_create_zone,
        read=_read_zone,
        update=_update_zone,
        delete=deletes("route53", "delete_hosted_zone", Id="id"),
    ),
    Row(
        type="aws:route53/record:Record",
        inputs=frozenset({"zoneId", "name", "type", "aliases"}),
        required=frozenset({"zoneId", "name", "type"}),
        replaces=frozenset({"zoneId", "name", "type"}),
        identity=frozenset({"zoneId", "name", "type"}),
        request=_record,
        create=_put,
        read=_read,
        update=lambda aws, _, __, new: _put(aws, new)[1],
        delete=_delete,
    ),
)
