"""Clients with the credentials and endpoints of the stack's AWS provider, for what the program asks AWS itself.

They follow the stack's `aws:` configuration (Pulumi registry, package aws, "Installation & configuration"). What it
does not name comes from the environment, as for the provider.
"""

import functools
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import botocore.loaders
import botocore.session
import pulumi
from botocore.config import Config

#: A client by the service's name.
Clients = Callable[[str], Any]
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


def clients(region: str | None = None) -> Clients:
    """The provider's clients in this region, or in the stack's. Raises ValueError, BotoCoreError or ClientError."""
    provider = pulumi.Config("aws")
    session = botocore.session.Session(profile=provider.get("profile"))
    session.register_component("data_loader", _models())
    for key, variable in (("sharedConfigFiles", "config_file"), ("sharedCredentialsFiles", "credentials_file")):
        if files := provider.get_object(key):
            if len(files) > 1:
                raise ValueError(f"aws:{key} names {len(files)} files, and only one can be read here")
            session.set_config_variable(variable, files[0])
    region = region or provider.get("region")
    endpoints = {name: url for entry in provider.get_object("endpoints") or () for name, url in entry.items()}
    found = {"access": provider.get("accessKey"), "secret": provider.get("secretKey"), "token": provider.get("token")}
    keys: dict[str, str | None] = found if found["access"] else dict.fromkeys(found)

    def client(service: str, region: str | None = region, **config: Any) -> Any:
        return session.create_client(
            service,
            region,
            endpoint_url=endpoints.get(service),
            verify=False if provider.get_bool("insecure") else provider.get("customCaBundle"),
            aws_access_key_id=keys["access"],
            aws_secret_access_key=keys["secret"],
            aws_session_token=keys["token"],
            config=Config(**_options(provider), **config),
        )

    if web := provider.get_object("assumeRoleWithWebIdentity"):
        if path := web.get("webIdentityTokenFile"):
            web = {**web, "webIdentityToken": Path(path).read_text(encoding="utf-8").strip()}
        sts = client("sts", provider.get("stsRegion") or region, signature_version=botocore.UNSIGNED)
        keys |= _keys(sts.assume_role_with_web_identity(**_role(web)))
    for role in provider.get_object("assumeRoles") or ():  # one after the other: a chain
        keys |= _keys(client("sts", provider.get("stsRegion") or region).assume_role(**_role(role)))
    return client


def _options(provider: pulumi.Config) -> dict[str, Any]:
    """The options of a client that are configured. None of botocore means its own default."""
    proxies = {scheme: url for scheme in ("http", "https") if (url := provider.get(f"{scheme}Proxy"))}
    return {
        "use_fips_endpoint": provider.get_bool("useFipsEndpoint"),
        "use_dualstack_endpoint": provider.get_bool("useDualstackEndpoint"),
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
    return {"access": given["AccessKeyId"], "secret": given["SecretAccessKey"], "token": given["SessionToken"]}
