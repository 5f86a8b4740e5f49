"""
Says what Prefect's Python client makes of every block class that Ashlar ships, as JSON on standard output.

Most classes are those of the installed packages. No installed package has `Azure` (Prefect 2.20 was the last) and the three classes of the blog's
pipeline (they were the user's own): they are declared here, as they were there.

Run by hand to renew test/fixtures/installed-blocks.json; test/interop/blocks-python.test.ts compares the two.
"""

import json
import sys
from importlib.metadata import version
from typing import Optional

from prefect.blocks.core import Block
from prefect.blocks.notifications import SlackWebhook
from prefect.blocks.system import Secret
from prefect.blocks.webhook import Webhook
from prefect_aws.credentials import AwsCredentials, MinIOCredentials
from prefect_aws.s3 import S3Bucket
from prefect_azure.blob_storage import AzureBlobStorageContainer
from prefect_azure.credentials import AzureBlobStorageCredentials, AzureCosmosDbCredentials
from prefect_databricks import DatabricksCredentials
from pydantic import Field, SecretStr


def setting(title: str, variable: str):
    return Field(default=None, title=title, description=f"Equivalent to the {variable} environment variable.")


class Azure(Block):
    """
    Store data as a file on Azure Datalake and Azure Blob Storage.
    """

    _block_type_name = "Azure"
    _logo_url = "https://cdn.sanity.io/images/3ugk85nk/production/54e3fa7e00197a4fbd1d82ed62494cb58d08c96a-250x250.png"
    _documentation_url = "https://docs.prefect.io/concepts/filesystems/#azure"
    _block_schema_capabilities = ["get-directory", "put-directory", "read-path", "write-path"]

    bucket_path: str = Field(
        default=..., description="An Azure storage bucket path.", examples=["my-bucket/a-directory-within"]
    )
    azure_storage_connection_string: Optional[SecretStr] = setting(
        "Azure storage connection string", "AZURE_STORAGE_CONNECTION_STRING"
    )
    azure_storage_account_name: Optional[SecretStr] = setting("Azure storage account name", "AZURE_STORAGE_ACCOUNT_NAME")
    azure_storage_account_key: Optional[SecretStr] = setting("Azure storage account key", "AZURE_STORAGE_ACCOUNT_KEY")
    azure_storage_tenant_id: Optional[SecretStr] = setting("Azure storage tenant ID", "AZURE_TENANT_ID")
    azure_storage_client_id: Optional[SecretStr] = setting("Azure storage client ID", "AZURE_CLIENT_ID")
    azure_storage_client_secret: Optional[SecretStr] = setting("Azure storage client secret", "AZURE_CLIENT_SECRET")
    azure_storage_anon: bool = Field(
        default=True,
        title="Azure storage anonymous connection",
        description="Set the 'anon' flag for ADLFS. This should be False for systems that require ADLFS to use DefaultAzureCredentials.",
    )
    azure_storage_container: Optional[SecretStr] = Field(
        default=None,
        title="Azure storage container",
        description="Blob Container in Azure Storage Account. If set the 'bucket_path' will be interpreted using the following URL "
        "format:'az://<container>@<storage_account>.dfs.core.windows.net/<bucket_path>'.",
    )


class AzureContainer(Block):
    container: str
    credentials: Azure


class IcebergAzureHadoop(Block):
    catalog_name: str
    warehouse_location: str
    container: AzureContainer


class DatabricksConnectCluster(Block):
    cluster_id: str
    credentials: DatabricksCredentials


CLASSES = [
    Secret,
    Webhook,
    SlackWebhook,
    AzureBlobStorageCredentials,
    AzureBlobStorageContainer,
    AzureCosmosDbCredentials,
    AwsCredentials,
    MinIOCredentials,
    S3Bucket,
    DatabricksCredentials,
    Azure,
    AzureContainer,
    IcebergAzureHadoop,
    DatabricksConnectCluster,
]


def described(cls: type[Block]) -> dict:
    block_type = cls._to_block_type()
    fields = cls.model_json_schema()
    return {
        "class_name": cls.__name__,
        "module": None if cls.__module__ == __name__ else cls.__module__,
        "name": block_type.name,
        "slug": block_type.slug,
        "description": block_type.description,
        "logo_url": block_type.logo_url and str(block_type.logo_url),
        "documentation_url": block_type.documentation_url and str(block_type.documentation_url),
        "capabilities": sorted(cls.get_block_capabilities()),
        "checksum": cls._calculate_schema_checksum(),
        "secret_fields": fields["secret_fields"],
        "fields": fields,
    }


def dumped() -> dict:
    packages = ["prefect", "prefect-azure", "prefect-aws", "prefect-databricks"]
    return {
        "note": "Written by test/interop/installed_blocks.py. A class without a module is declared there.",
        "packages": {name: version(name) for name in packages},
        "blocks": [described(cls) for cls in CLASSES],
    }


if __name__ == "__main__":
    json.dump(dumped(), sys.stdout, indent=1, sort_keys=True)
    print()
