"""Who owns the lab's files: whoever may write its folder needs no account, and is named by their login."""

import getpass
import os


def owner() -> str:
    """The login of whoever runs this program; the number of the user where the machine knows no name for it."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container often knows no name
        return f"user {os.getuid()}" if hasattr(os, "getuid") else "unknown"
