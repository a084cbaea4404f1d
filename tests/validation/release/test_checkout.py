"""A release: the changelog from its fragments, the version in its one home, a commit and a tag."""

from __future__ import annotations

import shutil
import subprocess
from datetime import date
from importlib.metadata import version as installed_version
from pathlib import Path

import pytest

from system.errors import InputError
from system.places import PROJECT_DIR
from validation.release.checkout import check_version, make_release, with_version, without_heading

ON = date(2027, 1, 31)


def git(root: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", *arguments], cwd=root, capture_output=True, text=True, timeout=60, check=True
    )
    return done.stdout.strip()


@pytest.fixture
def checkout(tmp_path):
    """Make a repository with the project's own changelog and configuration, and one fragment."""
    root = tmp_path / "project"
    (root / "changelog.d").mkdir(parents=True)
    for name in ("pyproject.toml", "CHANGELOG.md", "changelog.d/README.md"):
        shutil.copy(PROJECT_DIR / name, root / name)
    (root / "changelog.d" / "+halts.added.md").write_text("**Halts** are told from silence.\n")
    git(root, "init", "--quiet")
    git(root, "config", "user.name", "Release")
    git(root, "config", "user.email", "release@localhost")
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "-m", "Begin")
    return root


def test_a_release_writes_version_and_changelog_commits_and_tags(checkout):
    assert make_release(checkout, "7.0.0", ON) == "v7.0.0"
    assert git(checkout, "describe", "--exact-match") == "v7.0.0"
    assert git(checkout, "log", "-1", "--format=%s") == "Release 7.0.0"
    assert git(checkout, "status", "--porcelain") == ""
    assert 'version = "7.0.0"' in (checkout / "pyproject.toml").read_text("utf-8")
    changelog = (checkout / "CHANGELOG.md").read_text("utf-8")
    section = changelog.partition("## [7.0.0] - 2027-01-31\n")[2]
    assert section.index("### Added") < section.index("**Halts** are told from silence.")
    assert section.index("**Halts**") < section.index("## [0.1.0]")
    assert [path.name for path in (checkout / "changelog.d").iterdir()] == ["README.md"]


def test_the_first_release_takes_in_the_section_that_was_written_by_hand(checkout):
    make_release(checkout, "0.1.0", ON)
    changelog = (checkout / "CHANGELOG.md").read_text("utf-8")
    assert "unreleased" not in changelog
    assert changelog.count("## [0.1.0]") == 1
    assert changelog.index("**Halts**") < changelog.index("The first version:")


@pytest.mark.parametrize(
    ("version", "said"), [("1.2", "three numbers"), ("v1.2.3", "three numbers"), ("0.0.9", "below")]
)
def test_a_version_that_cannot_follow_is_refused(version, said):
    with pytest.raises(InputError, match=said):
        check_version(version, "0.1.0")


def test_versions_are_compared_as_numbers():
    check_version("0.10.0", "0.9.9")
    check_version("0.1.0", "0.1.0")


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda root: (root / "CHANGELOG.md").write_text("mine"), "files are changed"),
        (lambda root: git(root, "tag", "v7.0.0"), "released before"),
        (lambda root: git(root, "rm", "-q", "changelog.d/+halts.added.md"), "files are changed"),
    ],
)
def test_a_checkout_that_is_not_ready_is_refused_and_left_as_it_is(checkout, spoil, said):
    spoil(checkout)
    before = git(checkout, "status", "--porcelain")
    with pytest.raises(InputError, match=said):
        make_release(checkout, "7.0.0", ON)
    assert git(checkout, "status", "--porcelain") == before
    assert git(checkout, "log", "--format=%s") == "Begin"


def test_without_a_fragment_there_is_nothing_to_release(checkout):
    git(checkout, "rm", "--quiet", "changelog.d/+halts.added.md")
    git(checkout, "commit", "--quiet", "-m", "Take it back")
    with pytest.raises(InputError, match="no fragment"):
        make_release(checkout, "7.0.0", ON)


def test_only_the_version_of_the_project_changes():
    text = '[project]\nname = "x"\nversion = "0.1.0"\n\n[tool.x]\npython_version = "3.11"\n'
    assert with_version(text, "1.0.0") == text.replace("0.1.0", "1.0.0")
    assert without_heading("## [1.0.0] - 2027-01-31\n", "1.0.0") == "## [1.0.0] - 2027-01-31\n"


def test_the_version_stands_in_the_configuration_alone():
    text = (PROJECT_DIR / "pyproject.toml").read_text("utf-8")
    version = installed_version("riskstream")
    assert f'\nversion = "{version}"\n' in text, "after a bump: make setup"
    named = subprocess.run(
        ["git", "grep", "-lE", r"riskstream[-:_ ]v?[0-9]+\.[0-9]+\.[0-9]+|[_]_version__ ="],
        cwd=PROJECT_DIR,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert named.stdout.split() == [], "let these derive it from pyproject.toml"


def test_every_fragment_has_a_kind_that_a_release_knows():
    fragments = [path.name for path in (PROJECT_DIR / "changelog.d").glob("*.md")]
    kinds = ("added", "changed", "deprecated", "removed", "fixed", "security")
    for name in fragments:
        assert name == "README.md" or name.split(".")[-2] in kinds, name
