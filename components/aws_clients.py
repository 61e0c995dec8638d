"""Clients with the credentials and endpoints of a stack's AWS provider: for the program's hooks and for `ebb`.

They follow the stack's `aws:` configuration (Pulumi registry, package aws, "Installation & configuration"). What it
does not name comes from the environment, as for the provider.
"""

import configparser
import functools
import json
import os
import re
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import botocore.loaders
import botocore.session
from botocore.config import Config

#: A client by the service's name.
Clients = Callable[[str], Any]
#: The keys of the configuration that are read here.
KEYS = (
    *("profile", "region", "accessKey", "secretKey", "token", "sharedConfigFiles", "sharedCredentialsFiles"),
    *("assumeRoles", "assumeRoleWithWebIdentity", "stsRegion", "endpoints", "insecure", "customCaBundle"),
    *("httpProxy", "httpsProxy", "useFipsEndpoint", "useDualstackEndpoint"),
)
#: The keys of a role in the configuration, and the parameters of STS. Tags and the duration have another form.
_ROLE = {
    "roleArn": "RoleArn",
    "sessionName": "RoleSessionName",
    "externalId": "ExternalId",
    "policy": "Policy",
    "sourceIdentity": "SourceIdentity",
    "transitiveTagKeys": "TransitiveTagKeys",
    "webIdentityToken": "WebIdentityToken",
}
_SESSION_NAME = "ebb"
#: Seconds of the units of a duration such as 1h30m.
_UNITS = {"h": 3600, "m": 60, "s": 1}
_DURATION = re.compile(r"(\d+)([hms])")


@functools.cache
def _models() -> botocore.loaders.Loader:
    """AWS's API models: reading them takes a quarter of a second."""
    return botocore.loaders.create_loader()


class _Provider:
    """The configuration. Pulumi has all values as text, also lists and mappings (as JSON)."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        self._config = config

    def text(self, key: str) -> str | None:
        return str(self._config[key]) if self._config.get(key) not in {None, ""} else None

    def flag(self, key: str) -> bool | None:
        given = self.text(key)
        return None if given is None else given.lower() == "true"

    def value(self, key: str) -> Any:
        given = self._config.get(key)
        return json.loads(given) if isinstance(given, str) and given else given


def clients(config: Mapping[str, Any], region: str | None = None) -> Clients:
    """The clients of a provider with this configuration (KEYS, without `aws:`), in this region or in the stack's.

    Raises ValueError, OSError, BotoCoreError or ClientError.
    """
    provider = _Provider(config)
    session = botocore.session.Session(profile=provider.text("profile"))
    session.register_component("data_loader", _models())
    for key, variable in (("sharedConfigFiles", "config_file"), ("sharedCredentialsFiles", "credentials_file")):
        if files := provider.value(key):
            session.set_config_variable(variable, _one(tuple(files)))
    region = region or provider.text("region") or os.environ.get("AWS_REGION")  # botocore has AWS_DEFAULT_REGION only
    endpoints = {name: url for entry in provider.value("endpoints") or () for name, url in entry.items()}
    found = {key: provider.text(key) for key in ("accessKey", "secretKey", "token")}
    keys: dict[str, str | None] = found if found["accessKey"] else dict.fromkeys(found)

    def client(service: str, region: str | None = region, **config: Any) -> Any:
        return session.create_client(
            service,
            region,
            endpoint_url=endpoints.get(service),
            verify=False if provider.flag("insecure") else provider.text("customCaBundle"),
            aws_access_key_id=keys["accessKey"],
            aws_secret_access_key=keys["secretKey"],
            aws_session_token=keys["token"],
            config=Config(**_options(provider), **config),
        )

    if web := provider.value("assumeRoleWithWebIdentity"):
        if path := web.get("webIdentityTokenFile"):
            web = {**web, "webIdentityToken": Path(path).read_text(encoding="utf-8").strip()}
        sts = client("sts", provider.text("stsRegion") or region, signature_version=botocore.UNSIGNED)
        keys |= _keys(sts.assume_role_with_web_identity(**_role(web)))
    for role in provider.value("assumeRoles") or ():  # one after the other: a chain
        keys |= _keys(client("sts", provider.text("stsRegion") or region).assume_role(**_role(role)))
    return client


@functools.cache
def _merged(files: Sequence[str]) -> "tempfile.TemporaryDirectory[str]":
    """A folder with one file that has the contents of all: a later file wins, key by key, as in AWS's SDK for Go."""
    parser = configparser.RawConfigParser(default_section="", strict=False)
    for file in files:
        parser.read_string(Path(file).expanduser().read_text(encoding="utf-8"), file)
    folder = tempfile.TemporaryDirectory(prefix="ebb-aws-")  # removed when the process ends
    with Path(folder.name, "merged").open("w", encoding="utf-8") as merged:
        parser.write(merged)
    return folder


def _one(files: tuple[str, ...]) -> str:
    """The path of a file with the contents of all: botocore reads one."""
    return files[0] if len(files) == 1 else str(Path(_merged(files).name, "merged"))


def _options(provider: _Provider) -> dict[str, Any]:
    """The options of a client that are configured. None of botocore means its own default."""
    proxies = {scheme: url for scheme in ("http", "https") if (url := provider.text(f"{scheme}Proxy"))}
    return {
        "use_fips_endpoint": provider.flag("useFipsEndpoint"),
        "use_dualstack_endpoint": provider.flag("useDualstackEndpoint"),
        "proxies": proxies or None,
    }


def _role(given: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters of STS for a role of the configuration."""
    role = {parameter: given[key] for key, parameter in _ROLE.items() if given.get(key)}
    role.setdefault("RoleSessionName", _SESSION_NAME)
    if arns := given.get("policyArns"):
        role["PolicyArns"] = [{"arn": arn} for arn in arns]
    if tags := given.get("tags"):
        role["Tags"] = [{"Key": key, "Value": value} for key, value in tags.items()]
    if duration := given.get("duration"):
        role["DurationSeconds"] = sum(int(number) * _UNITS[unit] for number, unit in _DURATION.findall(duration))
    return role


def _keys(answer: Mapping[str, Any]) -> dict[str, str | None]:
    given = answer["Credentials"]
    return {"accessKey": given["AccessKeyId"], "secretKey": given["SecretAccessKey"], "token": given["SessionToken"]}
