"""Edits of a project file: one value is changed; comments, order and everything else stay as they are."""

from __future__ import annotations

import json
import os
import re
import tempfile
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import ConfigError

_BOM = "\ufeff"


def write_value(path: Path, section: str, key: str, value: Any) -> None:
    """Set ``key`` of ``[section]`` in a project file; what stands beside it is kept, byte for byte.

    Args:
        path: of the file.
        section: such as ``forecast``.
        key: such as ``model``.
        value: text, number, flag, list or mapping.

    Raises:
        ConfigError: the file cannot be read or written, or is laid out so that it has to be edited by hand; the
            sentence gives the line to write.
    """
    file = path.resolve()  # a link stays a link
    try:
        with file.open(encoding="utf-8", newline="") as handle:
            text = handle.read()
        bare = text.removeprefix(_BOM)
        edited = text[: len(text) - len(bare)] + with_value(bare, section, key, value)
        _replace(file, edited)
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"'{path}' cannot be edited: {getattr(error, 'strerror', None) or error}.") from None
    except ValueError:
        raise ConfigError(
            f"'{path}' is laid out so that it must be edited by hand: under [{section}], write {key} = {toml(value)}"
        ) from None


def with_value(text: str, section: str, key: str, value: Any) -> str:
    """The text of a TOML file with one value set.

    Raises:
        ValueError: the file is no TOML, or the value stands where only a person can change it.
    """
    wanted = tomllib.loads(text)
    there: Any = wanted
    for part in section.split("."):
        there = there.setdefault(part, {})
        if not isinstance(there, dict):
            raise ValueError(section)
    if isinstance(value, Mapping) and re.search(rf"(?m)^\s*\[\s*{re.escape(f'{section}.{key}')}\s*\]", text):
        return _within(text, f"{section}.{key}", value)
    there[key] = _plain(value)
    for candidate in _candidates(text, section, key, toml(value)):
        try:
            if tomllib.loads(candidate) == wanted:
                return candidate
        except tomllib.TOMLDecodeError:
            continue
    raise ValueError(key)


def _within(text: str, section: str, value: Mapping[str, Any]) -> str:
    """The text with the keys of a table that has a section of its own set one by one; none can be taken away."""
    for name, one in value.items():
        text = with_value(text, section, name, one)
    there: Any = tomllib.loads(text)
    for part in section.split("."):
        there = there[part]
    if there != _plain(value):
        raise ValueError(section)
    return text


def _candidates(text: str, section: str, key: str, value: str) -> list[str]:
    """Texts that may be what is wanted, the likeliest first; the caller reads them back."""
    lines = text.splitlines(keepends=True)
    end = "\r\n" if "\r\n" in text else "\n"
    headers = [k for k, line in enumerate(lines) if re.match(rf"\s*\[\s*{re.escape(section)}\s*\]\s*(#.*)?$", line)]
    found: list[str] = []
    for header in headers:  # a text that looks like a header may stand within a value
        after = next((k for k in range(header + 1, len(lines)) if re.match(r"\s*\[", lines[k])), len(lines))
        for first in range(header + 1, len(lines)):
            if match := re.match(
                rf"(\s*(?:{re.escape(key)}|\"{re.escape(key)}\"|'{re.escape(key)}')\s*=\s*)", lines[first]
            ):
                last = _end_of_value(lines, first, match.end())
                new = match[1] + value + _comment(lines[first : last + 1], match.end()) + _ending(lines[last])
                found.append("".join([*lines[:first], new, *lines[last + 1 :]]))
        head = lines[header] if lines[header].endswith("\n") else lines[header] + end
        while after > header + 1 and not lines[after - 1].split("#")[0].strip():
            after -= 1  # after the last key, before the blank lines and comments that lead to the next section
        body = [line if line.endswith("\n") else line + end for line in lines[header + 1 : after]]
        found.append("".join([*lines[:header], head, *body, f"{key} = {value}{end}", *lines[after:]]))
        found.append("".join([*lines[:header], head, f"{key} = {value}{end}", *lines[header + 1 :]]))
    gap = "" if not text else (end if text.endswith("\n") else end * 2)
    found.append(f"{text}{gap}[{section}]{end}{key} = {value}{end}")
    return found


def _end_of_value(lines: list[str], first: int, start: int) -> int:
    """Last line of a value that begins in line ``first`` after ``start`` characters."""
    for last in range(first, len(lines)):
        whole = "".join([lines[first][start:], *lines[first + 1 : last + 1]])
        if _value(whole) is not None:
            return last
    return first


def _comment(lines: list[str], start: int) -> str:
    """What stands after a value in its last line: blanks and a comment."""
    whole = "".join([lines[0][start:], *lines[1:]]).rstrip("\r\n")
    value = _value(whole)
    for mark in re.finditer(r"\s*#", whole):
        if _value(whole[: mark.start()]) == value and value is not None:
            return whole[mark.start() :]
    return ""


def _value(text: str) -> dict[str, Any] | None:
    try:
        return tomllib.loads(f"x = {text}")
    except tomllib.TOMLDecodeError:
        return None


def _ending(line: str) -> str:
    return line[len(line.rstrip("\r\n")) :]


def toml(value: Any) -> str:
    """A value as TOML, on one line."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, Mapping):
        pairs = ", ".join(f"{_key(str(k))} = {toml(v)}" for k, v in value.items())
        return f"{{ {pairs} }}" if pairs else "{}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(toml(v) for v in value)}]"
    return json.dumps(str(value), ensure_ascii=False).replace("\x7f", "\\u007f")


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else toml(name)


def _plain(value: Any) -> Any:
    """The value as it is read back."""
    return tomllib.loads(f"x = {toml(value)}")["x"]


def _replace(file: Path, text: str) -> None:
    """Write a file whole or not at all, with the rights that it had."""
    handle, name = tempfile.mkstemp(prefix=f".{file.name}.", dir=file.parent)
    unfinished = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as out:
            out.write(text)
        unfinished.chmod(file.stat().st_mode & 0o777)
        unfinished.replace(file)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise
