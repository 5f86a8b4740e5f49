"""
Takes the documents of blocks by slug, as JSON on standard input, makes of each what its Python class makes of it, and writes on standard output
what Prefect's Python client would save of that.
"""

import json
import sys
from uuid import uuid4

from installed_blocks import CLASSES

classes = {cls._to_block_type().slug: cls for cls in CLASSES}


def saved(slug: str, data: dict) -> dict:
    block = classes[slug](**data)
    return block._to_block_document("sample", uuid4(), uuid4(), include_secrets=True).data


documents = json.load(sys.stdin)
json.dump({slug: saved(slug, data) for slug, data in documents.items()}, sys.stdout, default=str)
