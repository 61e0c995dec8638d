"""Deployed resources as a plan of Terraform in JSON, which checkov reads.

Pulumi's aws package is generated from Terraform's provider, so types and properties differ in spelling only. Each value
is the deployed one. A value that is the id or the ARN of another resource is a reference to it, too.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

Props = Mapping[str, Any]
#: Type token and logical name.
Key = tuple[str, str]
#: Prefix of Terraform's types by Pulumi's module, where it is not the module's own name.
PREFIXES = {"apigateway": "api_gateway_", "ec2": "", "vpc": "vpc_"}
#: Types that differ in more than their prefix.
TYPES = {"aws:apigateway/response:Response": "aws_api_gateway_gateway_response"}
#: Properties whose name is not the same in snake case.
RENAMED = {"deployment": "deployment_id", "restApi": "rest_api_id", "topic": "topic_arn"}
#: Properties that are maps of the user's or AWS's own names.
MAPS = {
    *("dimensions", "requestModels", "requestParameters", "requestTemplates", "responseModels", "responseParameters"),
    *("responseTemplates", "tags", "tagsAll", "triggers"),
}
#: Lists of objects whose name is the same in Terraform.
PLURALS = {"apiStages", "containerDefinitions"}
#: Outputs by which other resources refer to one. Method settings have the name of their stage.
NAMES = ("id", "arn", "stageName")


def plan(resources: Mapping[Key, Props]) -> dict[str, Any]:
    """The plan of these resources: their properties after the deployment, in Pulumi's spelling."""
    addresses = {key: f"{type_of(key[0])}.{_name(key)}" for key in resources}
    known: dict[str, str] = {}
    for key, props in resources.items():  # in the order of creation: one that is referred to comes first
        for name in NAMES:
            known.setdefault(props.get(name, ""), addresses[key])
    blocks, expressions = [], []
    for key, props in resources.items():
        block = {"address": addresses[key], "mode": "managed", "type": type_of(key[0]), "name": _name(key)}
        blocks.append({**block, "values": _values(props)})
        found = {_snake(name): sorted(_references(value, known, addresses[key])) for name, value in props.items()}
        references = {name: {"references": to} for name, to in found.items() if to}
        expressions.append({**block, "expressions": references})
    return {
        "format_version": "1.2",
        "terraform_version": "1.9.0",
        "planned_values": {"root_module": {"resources": blocks}},
        "configuration": {"root_module": {"resources": expressions}},
    }


def type_of(token: str) -> str:
    """Terraform's type of Pulumi's type token."""
    module, name = token.split(":")[1].partition("/")[0], token.rpartition(":")[2]
    return TYPES.get(token, f"aws_{PREFIXES.get(module, module + '_')}{_snake(name)}")


def _name(key: Key) -> str:
    return re.sub(r"\W", "_", key[1])


def _snake(name: str) -> str:
    return RENAMED.get(name) or re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


def _values(props: Props) -> dict[str, Any]:
    return dict(_value(name, value) for name, value in props.items() if value is not None)


def _value(name: str, value: Any) -> tuple[str, Any]:
    """A property in Terraform's spelling. An object is a list of one block."""
    if name in MAPS:
        return _snake(name), value
    if isinstance(value, dict):
        return _snake(name), [_values(value)]
    if isinstance(value, list) and value and all(isinstance(item, dict) for item in value):
        singular = name if name in PLURALS else re.sub(r"ies$", "y", re.sub(r"(?<!ie)s$", "", name))
        return _snake(singular), [_values(item) for item in value]
    return _snake(name), value


def _references(value: Any, known: Mapping[str, str], own: str) -> Iterator[str]:
    if isinstance(value, str) and known.get(value, own) != own:
        yield known[value]
    elif isinstance(value, list | dict):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _references(item, known, own)
