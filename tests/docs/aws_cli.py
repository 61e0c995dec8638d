"""What the documented `aws` command lines need of the aws CLI, by botocore's models.

Run as `python aws_cli.py SERVICE OPERATION --option value …`. An unknown service, operation or option
ends in an error, as the CLI's own does.
"""

import json
import os
import sys
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

import boto3
import jmespath  # type: ignore[import-untyped]
from botocore import xform_name
from botocore.model import ListShape, Shape, StructureShape
from botocore.stub import Stubber

SERVICES = {"s3api": "s3"}


def options(words: list[str]) -> Iterator[tuple[str, list[str]]]:
    """Each `--option` with the words behind it."""
    numbers: list[int] = []
    for word in words:
        numbers.append((numbers[-1] if numbers else 0) + word.startswith("--"))
    for _, group in groupby(zip(numbers, words, strict=True), key=lambda pair: pair[0]):
        name, *values = (word for _, word in group)
        yield name.removeprefix("--"), values


def value(shape: Shape, words: list[str]) -> Any:
    """An option's words as the parameter that the shape asks for."""
    if shape.type_name == "boolean":
        return not words or words == ["true"]
    if words[0].startswith(("{", "[")):
        return words[0] if shape.type_name == "string" else json.loads(words[0])
    if isinstance(shape, ListShape):
        return [value(shape.member, [word]) for word in words]
    if isinstance(shape, StructureShape):
        pairs = (pair.split("=") for pair in words[0].split(","))
        return {name: value(shape.members[name], [text]) for name, text in pairs}
    if words[0].startswith("file://"):
        return Path(words[0].removeprefix("file://")).read_text()
    return int(words[0]) if shape.type_name == "integer" else words[0]


def main(service: str, operation: str, *words: str) -> None:
    """Run one command line."""
    session: Any = boto3.Session(region_name=os.environ["AWS_REGION"])
    client = session.client(SERVICES.get(service, service))
    method = operation.replace("-", "_")
    model = client.meta.service_model.operation_model(client.meta.method_to_api_mapping[method])
    members = {xform_name(name, "-"): (name, shape) for name, shape in model.input_shape.members.items()}
    given = dict(options(list(words)))
    query, output = given.pop("query", None), given.pop("output", ["json"])
    parameters = {members[option][0]: value(members[option][1], texts) for option, texts in given.items()}
    if service == "apigateway":  # moto's needs packages that nothing else here does
        stub = Stubber(client)
        stub.add_response(method, {"value": f"the key of {parameters['apiKey']}"}, parameters)
        stub.activate()
    answer = getattr(client, method)(**parameters)
    found = jmespath.search(query[0], answer) if query else answer
    print(found if output == ["text"] else json.dumps(found, default=str))


if __name__ == "__main__":
    main(*sys.argv[1:])
