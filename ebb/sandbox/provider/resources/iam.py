"""IAM: roles, their policies and instance profiles."""

from ebb.sandbox.provider.aws import Aws
from ebb.sandbox.provider.resources._row import Call, Props, Row, Tags, changed, deletes, first, pick, send, tag_map


def _role(props: Props) -> Call:
    params = pick(
        props, "path", "description", "maxSessionDuration", "permissionsBoundary", roleName="name", tags="tagsAll"
    )
    return "iam", "create_role", params | {"assumeRolePolicyDocument": props.get("assumeRolePolicy")}


def _create_role(aws: Aws, props: Props) -> tuple[str, Props]:
    role = send(aws, _role(props))["Role"]
    return role["RoleName"], {"arn": role["Arn"], "uniqueId": role["RoleId"]}


def _read_role(aws: Aws, name: str, _: Props) -> Props | None:
    role = first(aws.find("iam", "get_role", roleName=name), "Role")
    if role is None:
        return None
    raw = aws.call("iam", "get_role", roleName=name)["Role"]  # the document in its original spelling
    return role | {
        "name": role["roleName"],
        "assumeRolePolicy": raw["AssumeRolePolicyDocument"],
        "permissionsBoundary": (role.get("permissionsBoundary") or {}).get("permissionsBoundaryArn"),
        "tagsAll": tag_map(role.get("tags")),
        "uniqueId": role["roleId"],
    }


def _update_role(aws: Aws, name: str, old: Props, new: Props) -> Props:
    if changed(old, new, "assumeRolePolicy"):
        aws.call("iam", "update_assume_role_policy", roleName=name, policyDocument=new["assumeRolePolicy"])
    if changed(old, new, "description", "maxSessionDuration"):
        settings = {
            "description": new.get("description") or "",
            "maxSessionDuration": new.get("maxSessionDuration") or 3600,
        }
        aws.call("iam", "update_role", roleName=name, **settings)
    if changed(old, new, "permissionsBoundary"):
        if new.get("permissionsBoundary"):
            aws.call(
                "iam", "put_role_permissions_boundary", roleName=name, permissionsBoundary=new["permissionsBoundary"]
            )
        else:
            aws.call("iam", "delete_role_permissions_boundary", roleName=name)
    return {}


def _role_policy(props: Props) -> Call:
    return "iam", "put_role_policy", pick(props, roleName="role", policyName="name", policyDocument="policy")


def _put_role_policy(aws: Aws, props: Props) -> tuple[str, Props]:
    send(aws, _role_policy(props))
    return f"{props['role']}:{props['name']}", {}


def _read_role_policy(aws: Aws, physical_id: str, _: Props) -> Props | None:
    role, name = physical_id.split(":", 1)
    found = aws.find("iam", "get_role_policy", roleName=role, policyName=name)
    return {"role": role, "name": name, "policy": found["PolicyDocument"]} if found else None


def _attach(aws: Aws, props: Props) -> tuple[str, Props]:
    send(aws, _attachment(props))
    return f"{props['role']}/{props['policyArn']}", {}


def _attachment(props: Props) -> Call:
    return "iam", "attach_role_policy", pick(props, "policyArn", roleName="role")


def _read_attachment(aws: Aws, physical_id: str, _: Props) -> Props | None:
    role, arn = physical_id.split("/", 1)
    found = aws.find("iam", "list_attached_role_policies", roleName=role) or {"AttachedPolicies": []}
    attached = any(policy["PolicyArn"] == arn for policy in found["AttachedPolicies"])
    return {"role": role, "policyArn": arn} if attached else None


def _profile(props: Props) -> Call:
    return "iam", "create_instance_profile", pick(props, "path", instanceProfileName="name", tags="tagsAll")


def _create_profile(aws: Aws, props: Props) -> tuple[str, Props]:
    profile = send(aws, _profile(props))["InstanceProfile"]
    _set_role(aws, props["name"], {}, props)
    return props["name"], {"arn": profile["Arn"], "uniqueId": profile["InstanceProfileId"]}


def _set_role(aws: Aws, name: str, old: Props, new: Props) -> Props:
    if changed(old, new, "role"):
        if old.get("role"):
            aws.find("iam", "remove_role_from_instance_profile", instanceProfileName=name, roleName=old["role"])
        if new.get("role"):
            aws.call("iam", "add_role_to_instance_profile", instanceProfileName=name, roleName=new["role"])
    return {}


def _read_profile(aws: Aws, name: str, _: Props) -> Props | None:
    profile = first(aws.find("iam", "get_instance_profile", instanceProfileName=name), "InstanceProfile")
    if profile is None:
        return None
    role = next((role["roleName"] for role in profile.get("roles", [])), None)
    return profile | {"name": name, "role": role, "tagsAll": tag_map(profile.get("tags"))}


def _delete_profile(aws: Aws, name: str, outputs: Props) -> None:
    _set_role(aws, name, outputs, {})
    aws.find("iam", "delete_instance_profile", instanceProfileName=name)


ROWS = (
    Row(
        type="aws:iam/role:Role",
        inputs=frozenset(
            {"name", "path", "description", "maxSessionDuration", "permissionsBoundary", "assumeRolePolicy", "tags"}
        ),
        required=frozenset({"assumeRolePolicy"}),
        documents=frozenset({"assumeRolePolicy"}),
        replaces=frozenset({"name", "path"}),
        autoname=("name", 64),
        tags=Tags(service="iam", target="roleName", tag="tag_role", untag="untag_role", source="name"),
        request=_role,
        create=_create_role,
        read=_read_role,
        update=_update_role,
        delete=deletes("iam", "delete_role", roleName="id"),
    ),
    Row(
        type="aws:iam/rolePolicy:RolePolicy",
        inputs=frozenset({"name", "role", "policy"}),
        required=frozenset({"role", "policy"}),
        documents=frozenset({"policy"}),
        replaces=frozenset({"name", "role"}),
        autoname=("name", 128),
        identity=frozenset({"name", "role"}),
        request=_role_policy,
        create=_put_role_policy,
        read=_read_role_policy,
        update=lambda aws, _, __, new: _put_role_policy(aws, new)[1],
        delete=deletes("iam", "delete_role_policy", roleName="role", policyName="name"),
    ),
    Row(
        type="aws:iam/rolePolicyAttachment:RolePolicyAttachment",
        inputs=frozenset({"role", "policyArn"}),
        required=frozenset({"role", "policyArn"}),
        replaces=frozenset({"policyArn", "role"}),
        identity=frozenset({"policyArn", "role"}),
        request=_attachment,
        create=_attach,
        read=_read_attachment,
        delete=deletes("iam", "detach_role_policy", roleName="role", policyArn="policyArn"),
    ),
    Row(
        type="aws:iam/instanceProfile:InstanceProfile",
        inputs=frozenset({"name", "path", "role", "tags"}),
        replaces=frozenset({"name", "path"}),
        autoname=("name", 128),
        tags=Tags(
            service="iam",
            target="instanceProfileName",
            tag="tag_instance_profile",
            untag="untag_instance_profile",
            source="name",
        ),
        request=_profile,
        create=_create_profile,
        read=_read_profile,
        update=_set_role,
        delete=_delete_profile,
    ),
)
