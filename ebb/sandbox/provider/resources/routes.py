"""EC2's network: route tables, routes and the tables' associations with subnets."""

from ebb.sandbox.provider.aws import Aws
from ebb.sandbox.provider.resources._row import Call, Props, Row, deletes, first, pick, send
from ebb.sandbox.provider.resources.vpc import TAGS, reader, tagged

_ROUTE_KEY = ("routeTableId", "destinationCidrBlock")
_ROUTE_INPUTS = (*_ROUTE_KEY, "gatewayId", "natGatewayId", "networkInterfaceId")


def _create_table(aws: Aws, props: Props) -> tuple[str, Props]:
    table = aws.call("ec2", "create_route_table", vpcId=props["vpcId"], **tagged("route-table", props))["RouteTable"]
    return table["RouteTableId"], {
        "arn": aws.arn("ec2", f"route-table/{table['RouteTableId']}"),
        "ownerId": aws.account,
    }


def _route(props: Props) -> Call:
    return "ec2", "create_route", pick(props, *_ROUTE_INPUTS)


def _create_route(aws: Aws, props: Props) -> tuple[str, Props]:
    send(aws, _route(props))
    return "_".join(("r", *(str(props[name]) for name in _ROUTE_KEY if props.get(name)))), {"state": "active"}


def _read_route(aws: Aws, _: str, outputs: Props) -> Props | None:
    answer = aws.find("ec2", "describe_route_tables", routeTableIds=[outputs["routeTableId"]])
    routes = (first(answer, "RouteTables") or {}).get("routes", [])
    wanted = pick(outputs, *_ROUTE_KEY[1:])
    for route in routes:
        if all(route.get(name) == value for name, value in wanted.items()):
            return {"routeTableId": outputs["routeTableId"], **route}
    return None


def _update_route(aws: Aws, _: str, __: Props, new: Props) -> Props:
    aws.call("ec2", "replace_route", **pick(new, *_ROUTE_INPUTS))
    return {}


def _delete_route(aws: Aws, _: str, outputs: Props) -> None:
    aws.find("ec2", "delete_route", **pick(outputs, *_ROUTE_KEY))


def _associate(aws: Aws, props: Props) -> tuple[str, Props]:
    params = pick(props, "routeTableId", "subnetId")
    association = aws.call("ec2", "associate_route_table", **params)["AssociationId"]
    return association, {"associationId": association}


def _read_association(aws: Aws, physical_id: str, outputs: Props) -> Props | None:
    physical_id = outputs.get("associationId", physical_id)
    by_id = [{"name": "association.route-table-association-id", "values": [physical_id]}]
    table = first(aws.call("ec2", "describe_route_tables", filters=by_id), "RouteTables")
    associations = table["associations"] if table else []
    return next((item for item in associations if item["routeTableAssociationId"] == physical_id), None)


def _reassociate(aws: Aws, _: str, old: Props, new: Props) -> Props:
    """Move the subnet to another table. AWS gives the association a new id, but the resource keeps its first one."""
    move = {"associationId": old["associationId"], "routeTableId": new["routeTableId"]}
    return {"associationId": aws.call("ec2", "replace_route_table_association", **move)["NewAssociationId"]}


ROWS = (
    Row(
        type="aws:ec2/routeTable:RouteTable",
        inputs=frozenset({"vpcId", "tags"}),
        required=frozenset({"vpcId"}),
        replaces=frozenset({"vpcId"}),
        tags=TAGS,
        create=_create_table,
        read=reader("describe_route_tables", ("RouteTables",), "routeTableIds"),
        delete=deletes("ec2", "delete_route_table", routeTableId="id"),
    ),
    Row(
        type="aws:ec2/route:Route",
        inputs=frozenset(_ROUTE_INPUTS),
        required=frozenset({"routeTableId"}),
        replaces=frozenset({"routeTableId", "destinationCidrBlock", "destinationPrefixListId"}),
        identity=frozenset(_ROUTE_KEY),
        request=_route,
        create=_create_route,
        read=_read_route,
        update=_update_route,
        delete=_delete_route,
    ),
    Row(
        type="aws:ec2/routeTableAssociation:RouteTableAssociation",
        inputs=frozenset({"routeTableId", "subnetId"}),
        required=frozenset({"routeTableId"}),
        replaces=frozenset({"gatewayId", "subnetId"}),
        create=_associate,
        read=_read_association,
        update=_reassociate,
        delete=deletes("ec2", "disassociate_route_table", associationId="associationId"),
    ),
)
