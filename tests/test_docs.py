"""The documentation: pages made from the code are fresh, links lead somewhere, both READMEs say the same commands."""

import re
import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGES = runpy.run_path(str(ROOT / "scripts" / "pages"))["PAGES"]
TEXTS = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]


@pytest.mark.parametrize("name", sorted(PAGES))
def test_pages_made_from_the_code_are_fresh(name):
    assert (ROOT / "docs" / name).read_text(encoding="utf-8") == PAGES[name](), "run .venv/bin/python scripts/pages"


@pytest.mark.parametrize("path", TEXTS, ids=lambda p: p.name)
def test_links_lead_somewhere(path):
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", path.read_text(encoding="utf-8")):
        if not target.startswith(("http://", "https://")):
            assert (path.parent / target).exists(), f"{path.name} links to {target}"


def test_both_readmes_name_the_same_commands():
    blocks = [
        [
            line.split("#")[0].strip()
            for block in re.findall(r"```sh\n(.*?)```", text, re.S)
            for line in block.splitlines()
        ]
        for text in ((ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "README.zh-CN.md"))
    ]
    assert blocks[0] == blocks[1]
