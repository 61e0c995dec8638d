from typing import Any

import pulumi
import pytest

from components.table import JobTable, JobTableArgs
from tests.components.harness import ACCOUNT, REGION, Deployed, deploy

TABLE = "aws:dynamodb/table:Table"
KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/1"


def table(kms_key_arn: pulumi.Input[str] | None = None) -> Deployed:
    def program() -> dict[str, Any]:
        made = JobTable("job-table", JobTableArgs(kms_key_arn=kms_key_arn))
        return {"table_name": made.table_name, "table_arn": made.table_arn}

    return deploy(program)


def test_it_is_a_table_of_ids_billed_per_request_whose_items_expire_with_an_index_by_state_and_one_by_reference() -> (
    None
):
    made = table()
    assert made.names == {(TABLE, "job-table")}
    assert made.one(TABLE).inputs == {
        "billingMode": "PAY_PER_REQUEST",
        "hashKey": "id",
        "attributes": [
            {"name": "id", "type": "S"},
            {"name": "state", "type": "S"},
            {"name": "reference", "type": "S"},
            {"name": "created", "type": "N"},
        ],
        "globalSecondaryIndexes": [
            {
                "name": f"by-{attribute}",
                "keySchemas": [
                    {"attributeName": attribute, "keyType": "HASH"},
                    {"attributeName": "created", "keyType": "RANGE"},
                ],
                "projectionType": "ALL",
            }
            for attribute in ("state", "reference")
        ],
        "ttl": {"attributeName": "expires", "enabled": True},
    }
    assert made.one(TABLE).parent_type == "ebb:index:JobTable"


def test_the_queues_kms_key_encrypts_the_table() -> None:
    assert table(KEY).one(TABLE).inputs["serverSideEncryption"] == {"enabled": True, "kmsKeyArn": KEY}


def test_the_component_registers_its_outputs() -> None:
    made = table()
    assert made.result == {"table_name": "job-table", "table_arn": f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:job-table"}
    assert made.component_outputs[made.one("ebb:index:JobTable").urn] == made.result


def test_arguments_are_keyword_only() -> None:
    with pytest.raises(TypeError):
        JobTableArgs(KEY)  # type: ignore[call-arg]
