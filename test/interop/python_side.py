"""
The Python side of a conversation: reads one command a line as JSON, and answers each with one line, `{"ok": …}` or `{"error": [class, text]}`.

It uses Prefect's own client and the classes of the installed packages, those that installed_blocks.py declares, and those below.
"""

import asyncio
import contextlib
import io
import json
import sys
from datetime import date, datetime
from typing import Any, Optional, Union
from uuid import uuid4

from installed_blocks import CLASSES
from prefect.blocks.core import Block
from prefect.types import SecretDict
from pydantic import BaseModel, Field, SecretBytes, SecretStr


class EdgeChild(Block):
    label: str
    token: SecretStr


class EdgeOther(Block):
    label: SecretStr
    size: int = 1


class EdgeModel(BaseModel):
    user: str
    password: Optional[SecretStr] = None


class Edges(Block):
    text: str
    number: float = 1.0
    count: int = 0
    flag: bool = False
    when: Optional[datetime] = None
    day: Optional[date] = None
    raw: bytes = b""
    unset: Optional[str] = None
    words: list[str] = Field(default_factory=list)
    token: Optional[SecretStr] = None
    tokens: list[SecretStr] = Field(default_factory=list)
    headers: Optional[SecretDict] = None
    account: Optional[EdgeModel] = None
    accounts: list[EdgeModel] = Field(default_factory=list)
    child: Optional[EdgeChild] = None
    children: list[EdgeChild] = Field(default_factory=list)
    either: Union[EdgeChild, EdgeOther, None] = None


class Keyring(Block):
    """What a masked view forgets in Python: aliases, dictionaries of secrets and of models, bytes."""

    api_key: Optional[SecretStr] = Field(default=None, alias="apiKey")
    extra: Optional[SecretDict] = Field(default=None, alias="Extra")
    named: dict[str, SecretStr] = Field(default_factory=dict)
    models: dict[str, EdgeModel] = Field(default_factory=dict)
    binary: Optional[SecretBytes] = None
    label: str = "public"


classes = {cls._to_block_type().slug: cls for cls in [*CLASSES, EdgeChild, EdgeOther, Edges, Keyring]}


def values(given: Any) -> Any:
    """Blocks that are to be loaded in place of `{"load": "slug/name"}`."""
    if isinstance(given, dict):
        if set(given) == {"load"}:
            slug, name = given["load"].split("/")
            return classes[slug].load(name)
        return {key: values(value) for key, value in given.items()}
    return [values(item) for item in given] if isinstance(given, list) else given


def dumped(block: Block) -> dict:
    """What Prefect's client would save of a block, with its secrets, nested blocks expanded."""
    document = block._to_block_document("x", uuid4(), uuid4(), include_secrets=True)
    data = dict(document.data)
    for field in type(block).model_fields:
        nested = getattr(block, field, None)
        if isinstance(nested, Block):
            data[field] = dumped(nested)
    return data


def save(slug: str, name: str, data: dict, overwrite: bool = False) -> str:
    return str(classes[slug](**values(data)).save(name, overwrite=overwrite))


def load(slug: str, name: str, by: str = "class") -> dict:
    block = classes[slug].load(name) if by == "class" else Block.load(f"{slug}/{name}")
    nested = {
        field: [type(value).__name__, value._block_document_name]
        for field in type(block).model_fields
        if isinstance(value := getattr(block, field, None), Block)
    }
    return {"class": type(block).__name__, "id": str(block._block_document_id), "data": dumped(block), "nested": nested}


def register(slug: str) -> None:
    classes[slug].register_type_and_schema()


def checksum(slug: str) -> str:
    return classes[slug]._calculate_schema_checksum()


def shown(slug: str, name: str) -> str:
    return repr(classes[slug].load(name))


def save_anonymous(slug: str, data: dict) -> str:
    block = classes[slug](**values(data))
    block._save_sync(is_anonymous=True)
    return block._block_document_name


def delete(slug: str, name: str) -> None:
    classes[slug].delete(name)


def save_async(slug: str, name: str, data: dict, overwrite: bool = False) -> str:
    return str(asyncio.run(classes[slug](**values(data)).asave(name, overwrite=overwrite)))


def load_async(slug: str, name: str) -> dict:
    return dumped(asyncio.run(classes[slug].aload(name)))


def delete_async(slug: str, name: str) -> None:
    asyncio.run(classes[slug].adelete(name))


def register_async(slug: str) -> None:
    asyncio.run(classes[slug].aregister_type_and_schema())


def command(arguments: list[str]) -> list:
    """A command of `prefect`: its exit code, and what it says."""
    from prefect.cli import app

    output = io.StringIO()
    sys.argv = ["prefect", *arguments]
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(output):
        try:
            app()
            code = 0
        except SystemExit as end:
            code = end.code or 0
    return [code, output.getvalue()]


def plain(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


COMMANDS = {
    function.__name__: function
    for function in [save, load, register, checksum, shown, save_anonymous, delete, save_async, load_async, delete_async, register_async, command]
}

for line in sys.stdin:
    command = json.loads(line)
    try:
        answer = {"ok": COMMANDS[command.pop("do")](**command)}
    except Exception as error:
        answer = {"error": [type(error).__name__, str(error)]}
    print(json.dumps(answer, default=plain), flush=True)
