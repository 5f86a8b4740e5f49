"""
Makes test/fixtures/python-documents.json: documents as Prefect's Python client sends them when a block is saved, and texts that pydantic takes for
each format. Run it where prefect 3.8.8, prefect-aws, prefect-azure 0.4.13, prefect-databricks 0.4.2 and email-validator are installed:

    python test/interop/python_documents.py
"""

import datetime, decimal, enum, ipaddress, json, pathlib, typing, uuid, warnings
from importlib.metadata import version

import pydantic
from prefect.blocks.core import Block
from pydantic.json_schema import GenerateJsonSchema

warnings.simplefilter("ignore")
FIXTURES = pathlib.Path(__file__).parent.parent / "fixtures"
PATTERNS = {"^a+$": "aa", "^[a-z]+$": "abc", "^a": "ab"}
FORMATS = {
    "date-time": "2024-01-02T03:04:05.678900+02:00",
    "date": "2024-01-02",
    "time": "01:02:03",
    "duration": "P1DT2H",
    "uuid": "12345678-1234-4234-9234-123456789abc",
    "uuid4": "12345678-1234-4234-9234-123456789abc",
    "uri": "https://user:pw@example.com:8080/a?b=c#d",
    "email": "someone@example.com",
    "ipv4": "127.0.0.1",
    "ipv6": "::1",
    "ipvanyaddress": "10.0.0.1",
    "ipv4network": "10.0.0.0/8",
    "ipv6network": "fe80::/64",
    "path": "/srv/x",
    "file-path": "/etc/hosts",
    "directory-path": "/etc",
    "base64": "YWJj",
    "base64url": "YWJj",
    "json-string": "{}",
}


def sample(node, definitions):
    """A value that fits a part of a schema; every optional part of it is there."""
    if "$ref" in node:
        return sample(definitions.get(node["$ref"].split("/")[-1], {}), definitions)
    if "const" in node:
        return node["const"]
    if "enum" in node:
        return node["enum"][-1]
    choices = node.get("anyOf") or node.get("oneOf") or node.get("allOf")
    if choices:
        return sample([each for each in choices if each.get("type") != "null"][0], definitions)
    kind = node.get("type")
    if kind == "string":
        if node.get("contentMediaType") == "application/json":
            return '{"a": 1}'
        if node.get("format") in FORMATS:
            return FORMATS[node["format"]]
        if "pattern" in node:
            return next((text for pattern, text in PATTERNS.items() if pattern == node["pattern"]), "1.5")
        return "text of é☃"[: node.get("maxLength", 99)].ljust(node.get("minLength", 0), "x")
    if kind in ("integer", "number"):
        low = node.get("minimum", node.get("exclusiveMinimum", 0))
        step = node.get("multipleOf", 1 if kind == "integer" else 0.25)
        return low + step if step != 0.5 else 1.5
    if kind == "boolean":
        return True
    if kind == "null":
        return None
    if kind == "array":
        if "prefixItems" in node:
            return [sample(each, definitions) for each in node["prefixItems"]]
        items = [sample(node.get("items", {"type": "string"}), definitions) for _ in range(max(1, node.get("minItems", 1)))]
        return items[: node.get("maxItems", 99)]
    if kind == "object":
        if "properties" in node:
            return {key: sample(each, definitions) for key, each in node["properties"].items()}
        if "patternProperties" in node:
            [(pattern, values)] = node["patternProperties"].items()
            return {PATTERNS[pattern]: sample(values, definitions)}
        key = sample({"type": "string", **node.get("propertyNames", {})}, definitions)
        values = node.get("additionalProperties")
        return {key: sample(values if isinstance(values, dict) else {"type": "string"}, definitions)}
    return {"any": [1, None, "x"]}


def document(block):
    """What `block.save()` sends, secrets in clear, without asking a server."""
    made = block._to_block_document(name="x", block_schema_id=uuid.UUID(int=1), block_type_id=uuid.UUID(int=2))
    return made.model_dump(mode="json", context={"include_secrets": True}, serialize_as_any=True)["data"]


AZURE = {"account_url": "https://a.blob.core.windows.net", "client_id": "id", "tenant_id": "tenant", "client_secret": "s"}
GIVEN = {
    "RemoteFileSystem": [{"basepath": "s3://bucket/x", "settings": {"key": "k", "deep": [1, {"a": None}]}}, {"basepath": "s3://bucket/x"}],
    "RedisStorageContainer": [{"host": "h"}, {"connection_string": "redis://h"}],
    "CustomWebhookNotificationBlock": [{"name": "n", "url": "https://a", "json_data": {"a": "{{body}}"}, "secrets": {"k": "v"}}],
    "AzureBlobStorageCredentials": [{"connection_string": "c"}, AZURE],
    "AzureBlobStorageContainer": [{"container_name": "c", "credentials": AZURE}],
    "DatabricksCredentials": [
        {"databricks_instance": "d", "token": "t"},
        {"databricks_instance": "d", "client_id": "i", "client_secret": "s", "client_kwargs": {"timeout": 1.5}},
    ],
}


def documents(cls):
    """Of one class: everything given, only what is required given, or what is told above; what the class itself refuses is printed."""
    # Prefect's own schema has lost `additionalProperties`, which tells the values of mappings.
    schema = GenerateJsonSchema().generate(cls.__pydantic_core_schema__, "validation")
    definitions = schema.get("$defs", {})
    full = {key: sample(node, definitions) for key, node in schema.get("properties", {}).items()}
    least = {key: full[key] for key in schema.get("required", [])}
    made = []
    for given in GIVEN.get(cls.__name__, (full, least)):
        try:
            data = document(cls.model_validate(given))
        except Exception as error:
            print(cls.__name__, type(error).__name__, str(error)[:300].replace("\n", " "))
            continue
        if data not in made:
            made.append(data)
    return made


def names():
    """What the sources of the fixtures use."""
    from prefect.types import SecretDict

    found = {"__name__": "__main__", "SecretDict": SecretDict, "Block": Block}
    for module in (typing, datetime, decimal, enum, uuid, pathlib, ipaddress, pydantic):
        found[module.__name__] = module
        found.update({key: getattr(module, key) for key in getattr(module, "__all__", dir(module)) if not key.startswith("_")})
    exec('class Fruit(str, enum.Enum):\n    APPLE = "APPLE"\n    PEAR = "PEAR"', found)  # which one of the sources leaves out
    return {**found, **{module.__name__: module for module in (datetime, decimal, enum, uuid, pathlib, ipaddress)}}


def classes():
    for file in ("pydantic-kinds.json", "synthetic-schemas.json"):
        known = names()
        for case in json.loads((FIXTURES / file).read_text())["cases"]:
            exec(case["python"], known)
            yield case["checksum"], known[case["fields"]["title"]]


INSTALLED = """
prefect.blocks.system:Secret prefect.blocks.webhook:Webhook prefect.filesystems:LocalFileSystem,RemoteFileSystem,SMB
prefect.blocks.redis:RedisStorageContainer
prefect.blocks.notifications:SlackWebhook,PagerDutyWebHook,OpsgenieWebhook,MattermostWebhook,DiscordWebhook,CustomWebhookNotificationBlock
prefect_aws:AwsCredentials,MinIOCredentials,S3Bucket,AwsSecret,LambdaFunction
prefect_azure:AzureBlobStorageCredentials,AzureCosmosDbCredentials,AzureMlCredentials,AzureContainerInstanceCredentials,AzureBlobStorageContainer
prefect_databricks:DatabricksCredentials
""".split()

TAKES = {
    "uri": pydantic.AnyUrl,
    "email": pydantic.EmailStr,
    "ipv4": ipaddress.IPv4Address,
    "date-time": datetime.datetime,
    "date": datetime.date,
    "time": datetime.time,
    "duration": datetime.timedelta,
    "uuid": uuid.UUID,
    "ipv6": ipaddress.IPv6Address,
    "base64": pydantic.Base64Bytes,
    "base64url": pydantic.Base64UrlBytes,
}
TEXTS = """http://a https://example.com/ HTTP://EXAMPLE.com:80 ftp://x/y redis://localhost:6379/0 postgres://u:p@h:5432/d mailto:a@b.c urn:a:b
data:text/plain,x file:///srv/x http://[::1]:8080/ http://ü.example/ä?ö#ß http://a_b.example http://a..b http://1.2.3 s3://bucket/key x:y http://a:99999 http://
a@b.c someone@example.com first.last+tag@sub.example.co ü@example.com someone@exämple.de o'neil@example.com x_y-z@example.io a..b@example.com @example.com a@
127.0.0.1 0.0.0.0 255.255.255.255 256.1.1.1 1.2.3 01.2.3.4 1.2.3.4/8
2024-01-02T03:04:05Z 2024-01-02T03:04:05 2024-01-02T03:04 2024-01-02_03:04:05 2024-01-02T03:04:05.123456789Z 2024-01-02T03:04:05+0200 2024-01-02T03:04:05-05:30 2024-01-02 20240102
1704164645 1704164645.5 -1 0 2024-01-02T00:00:00 2024-01-02T00:00:00Z 2024-13-01
03:04 03:04:05 03:04:05.5 03:04:05Z 03:04:05+02:00 25:00
PT1S P1D -P1D P1W P1DT2H3M4.5S PT0.5S 1:02:03 2 03:04:05.678 P1Y P
12345678-1234-4234-9234-123456789abc 12345678123442349234123456789abc {12345678-1234-4234-9234-123456789abc} urn:uuid:12345678-1234-4234-9234-123456789abc 00000000-0000-0000-0000-000000000000
::1 fe80::1%eth0 ::ffff:1.2.3.4 2001:db8:0:0:0:0:0:1 1::2::3
YWJj YW-_ YWI= YWI YW+/ ! é \u2603""".split() + ["", "2024-01-02 03:04:05", "1 day, 2:03:04", "YWJj\nYWJj\n", "a b", "http://a b/", "\U0001f600"]


def taken(kind):
    adapter = pydantic.TypeAdapter(kind)
    for text in TEXTS:
        try:
            adapter.validate_json(json.dumps(text))
            yield text
        except Exception:
            pass


cases = []
for checksum, cls in classes():
    cases.append({"title": cls.__name__, "checksum": checksum, "documents": documents(cls)})
installed = []
for entry in INSTALLED:
    module, names = entry.split(":")
    for name in names.split(","):
        cls = getattr(__import__(module, fromlist=[name]), name)
        block_type = cls._to_block_type().model_dump(mode="json")
        kept = ("name", "slug", "logo_url", "documentation_url", "description")
        fields = cls.model_json_schema(ref_template="#/definitions/{model}")
        fields["definitions"] = fields.pop("$defs", fields.pop("definitions", {}))
        if not fields["definitions"]:
            del fields["definitions"]
        installed.append(
            {
                "block_type": {key: block_type[key] for key in kept},
                "checksum": cls._calculate_schema_checksum(),
                "fields": fields,
                "documents": documents(cls),
            }
        )
note = (
    f"Made by python_documents.py with prefect {version('prefect')}, prefect-aws {version('prefect-aws')}, prefect-azure {version('prefect-azure')}, "
    f"prefect-databricks {version('prefect-databricks')} and pydantic {pydantic.VERSION}. cases: documents of the classes of pydantic-kinds.json and "
    "synthetic-schemas.json. blocks: installed classes, their schemas, checksums and documents. A document is the `data` that the client sends on "
    "saving. formats: by JSON schema format, the texts of one list that pydantic takes as JSON input."
)
out = {"note": note, "cases": cases, "blocks": installed, "formats": {name: list(taken(kind)) for name, kind in TAKES.items()}}
(FIXTURES / "python-documents.json").write_text(json.dumps(out) + "\n")
