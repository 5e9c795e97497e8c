"""What the tree says of itself in more than one place says the same."""

from __future__ import annotations

import re
from pathlib import Path

from tracin import __version__

ROOT = Path(__file__).parent.parent


def text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def test_the_hook_and_the_tests_use_one_ruff() -> None:
    (pinned,) = re.findall(r"^ruff==(\S+)", text("requirements-dev.txt"), re.MULTILINE)
    hooks = re.findall(r"ruff==([\w.]+)", text(".pre-commit-config.yaml"))
    assert hooks == [pinned, pinned]


def test_the_changelog_speaks_of_this_version() -> None:
    assert f"## {__version__}" in text("CHANGELOG.md")


def test_every_path_in_the_guides_exists() -> None:
    for guide in ("CONTRIBUTING.md", "docs/architecture.md", "README.md"):
        named = re.findall(r"`((?:tracin|tests|benchmarks|docs)/[\w./-]*)`", text(guide))
        missing = [path for path in named if not (ROOT / path).exists()]
        assert not missing, f"{guide} names {missing}"
