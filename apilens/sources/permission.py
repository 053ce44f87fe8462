"""Why a file cannot be read, and who can mend it: its owner, its mode, and a command."""

from __future__ import annotations

import grp
import os
import pwd
import stat
from pathlib import Path

from apilens.errors import InputError
from apilens.shell import quoted_word


def denied(name: str, path: str) -> InputError:
    """Return the error for a file or folder that this user may not read; `name` is how it is shown."""
    culprit = _culprit(path)
    try:
        info = culprit.stat()
    except OSError:
        return InputError(f"{name}: permission denied")
    user, owner, group = _user(os.geteuid()), _user(info.st_uid), _group(info.st_gid)
    mode = stat.S_IMODE(info.st_mode)
    what = "it" if str(culprit) == path else f"the folder {os.fsencode(culprit).decode('utf-8', 'backslashreplace')}"
    words = f"{name}: permission denied: {what} belongs to {owner}:{group}, mode {mode:04o}, and this is {user}"
    needed = 0o050 if stat.S_ISDIR(info.st_mode) else 0o040
    if mode & needed == needed:
        return InputError(words, hint=f"sudo usermod -aG {group} {user}, then log in again")
    rights = "rx" if stat.S_ISDIR(info.st_mode) else "r"
    return InputError(words, hint=f"sudo setfacl -m u:{user}:{rights} {quoted_word(str(culprit))}")


def _culprit(path: str) -> Path:
    """Return the first folder on the way to a file that may not be entered, else the file itself."""
    for folder in reversed(Path(path).parents):
        if folder.is_dir() and not os.access(folder, os.X_OK):
            return folder
    return Path(path)


def _user(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        # In a container there is often no name to a number.
        return str(number)


def _group(number: int) -> str:
    try:
        return grp.getgrgid(number).gr_name
    except KeyError:
        return str(number)
