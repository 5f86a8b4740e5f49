"""A file for `prefect block register -f`: a block whose description and example have what HTML would escape."""

from prefect.blocks.core import Block
from pydantic import SecretStr


class Registered(Block):
    """
    Holds <b>one</b> token & nothing else.

    Example:
        ```python
        Registered.load("x") if 1 < 2 else None
        ```
    """

    token: SecretStr
