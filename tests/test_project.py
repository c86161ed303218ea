import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import torch
import torchvision
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import hcegan_lib

ROOT = Path(__file__).parents[1]
# Packages that conda-forge does not have, and those that have another name there.
ONLY_PYPI = {"axe-playwright-python"}
CONDA_NAMES = {"torch": "pytorch", "playwright": "playwright-python", "lazy-loader": "lazy_loader"}

# Paths that exist on one machine only: they do not belong into a file that others read.
MACHINE_PATH = re.compile(r"(?<![\w.~-])/(?:root|home|Users|tmp|private)/\w|[A-Z]:\\+Users\\")


def pyproject():
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def environment():
    return yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))


def bounds(requirements):
    """Package name -> its bounds, from strings such as "torch>=2.4"."""
    parsed = [Requirement(requirement) for requirement in requirements]
    return {requirement.name: str(requirement.specifier) for requirement in parsed}


def project_files():
    """All files that are, or are about to be, under version control."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listing = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if listing.returncode:
        pytest.skip(f"not a git checkout: {listing.stderr.strip()}")
    return [path for path in sorted({ROOT / name for name in listing.stdout.split("\0") if name}) if path.is_file()]


def text_of(path):
    """The file's text, or nothing for a photograph or a figure."""
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return ""


def found(pattern):
    return [
        f"{path.relative_to(ROOT)}: {match[0]}" for path in project_files() for match in pattern.finditer(text_of(path))
    ]


def relative_links(markdown):
    """Targets of links and pictures that point into the project, without their anchors."""
    prose = re.sub(r"^```.*?^```|`[^`\n]*`", "", markdown, flags=re.MULTILINE | re.DOTALL)
    inline = re.findall(r"\]\(\s*<?([^)\s>]+)", prose)
    tags = re.findall(r"<(?:img|a)\b[^>]*?\b(?:src|href)=[\"']([^\"']+)", prose)
    targets = [target.split("#")[0] for target in inline + tags]
    return [target for target in targets if target and not re.match(r"[a-z][a-z0-9+.-]*:", target)]


def test_conda_and_pip_ask_for_the_same_packages_with_the_same_bounds():
    project = pyproject()
    wanted = bounds(project["dependencies"] + project["optional-dependencies"]["dev"])
    wanted = {CONDA_NAMES.get(name, name): bound for name, bound in wanted.items() if name not in ONLY_PYPI}
    conda = bounds(entry for entry in environment()["dependencies"] if isinstance(entry, str))
    assert conda.pop("python") == project["requires-python"]
    assert conda.pop("pip") == ""
    assert conda == wanted


def test_the_tested_versions_satisfy_all_bounds_and_are_plain_lines():
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    tested = dict(re.fullmatch(r"([\w.-]+)==([\w.]+)", line).groups() for line in lines)
    tested = {canonicalize_name(name): version for name, version in tested.items()}
    project = pyproject()
    extras = project["optional-dependencies"]
    for wanted in map(Requirement, project["dependencies"] + extras["dev"] + extras["app"]):
        assert wanted.specifier.contains(tested[canonicalize_name(wanted.name)]), wanted


def test_the_conda_environment_installs_the_package_itself_and_nothing_else_with_pip():
    conda = environment()
    assert (conda["name"], conda["channels"]) == ("hcegan", ["conda-forge"])
    assert [entry for entry in conda["dependencies"] if not isinstance(entry, str)] == [{"pip": ["-e .[dev]"]}]


def test_the_version_is_the_same_everywhere():
    version = pyproject()["version"]
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert hcegan_lib.__version__ == version
    assert str(citation["version"]) == version
    latest = re.search(r"^## \[(\d[^]]*)\] - (\d{4}-\d\d-\d\d)$", changelog, flags=re.MULTILINE)
    assert latest, "CHANGELOG.md has no section with a version and a date"
    assert (latest[1], latest[2]) == (version, str(citation["date-released"]))


def test_the_citation_names_the_paper_with_its_six_authors():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    (article,) = citation["references"]
    assert article["doi"] == "10.32604/cmes.2022.022369"
    authors = [f"{author['given-names']} {author['family-names']}" for author in article["authors"]]
    assert authors == ["Hong'an Li", "Min Zhang", "Dufeng Chen", "Jing Zhang", "Meng Yang", "Zhanli Li"]


def test_no_file_contains_a_path_of_one_machine():
    assert found(MACHINE_PATH) == []


@pytest.mark.parametrize("folder", ["root", "home", "Users", "tmp"])
def test_the_pattern_knows_a_machine_path_from_a_link(folder):
    assert MACHINE_PATH.search(f'File "/{folder}/ada/course/train.py", line 3')
    assert not MACHINE_PATH.search(f"https://example.org/{folder}/page and ../{folder}/page and data/{folder}/page")


def test_every_relative_link_leads_to_a_file():
    pages = [path for path in project_files() if path.suffix == ".md"]
    links = [(page, target) for page in pages for target in relative_links(text_of(page))]
    dead = [f"{page.relative_to(ROOT)}: {target}" for page, target in links if not (page.parent / target).exists()]
    assert links
    assert dead == []


def test_every_relative_link_in_a_notebook_leads_to_a_file():
    dead = []
    for path in (path for path in project_files() if path.suffix == ".ipynb"):
        cells = [cell for cell in json.loads(text_of(path))["cells"] if cell["cell_type"] == "markdown"]
        links = relative_links("\n".join("".join(cell["source"]) for cell in cells))
        dead += [f"{path.relative_to(ROOT)}: {link}" for link in links if not (path.parent / link).exists()]
    assert dead == []


def test_links_are_found_in_all_their_forms_and_not_in_code():
    page = '[a](one.md#top) ![b](two.png "title") <img alt="c" src="three.png"> [d](#here) [e](https://example.org/x)'
    assert relative_links(page + " `[f](code.md)`\n```\n[g](code.md)\n```\n") == ["one.md", "two.png", "three.png"]


def run_python(code):
    return subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)


def test_importing_the_package_alone_loads_nothing_heavy():
    run = run_python("import sys, hcegan_lib; print(*sys.modules)")
    assert run.returncode == 0, run.stderr
    assert not {"torch", "pandas", "numpy", "matplotlib"} & set(run.stdout.split())


@pytest.mark.slow
def test_every_module_imports_without_a_network():
    closed = (
        "import importlib, pkgutil, socket\n"
        "def refuse(*args, **kwargs): raise OSError('the test has no network')\n"
        "socket.getaddrinfo = socket.create_connection = socket.socket.connect = refuse\n"
        "import hcegan_lib\n"
        "for module in pkgutil.walk_packages(hcegan_lib.__path__, 'hcegan_lib.'):\n"
        "    if not module.name.endswith('__main__'):\n"
        "        importlib.import_module(module.name)\n"
        "        print(module.name)\n"
    )
    run = run_python(closed)
    assert run.returncode == 0, run.stderr
    assert {"hcegan_lib.train", "hcegan_lib.backend.files", "hcegan_lib.lessons.plots"} <= set(run.stdout.split())


def test_the_package_installs_torchvision():
    assert "torchvision" in bounds(pyproject()["dependencies"])
    assert torchvision.ops.nms(torch.zeros(1, 4), torch.zeros(1), 0.5).tolist() == [0]  # fits the installed torch


# --- the public repository --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("schema", "files"),
    [
        ("github-workflows", ".github/workflows/*.yml"),
        ("github-issue-forms", ".github/ISSUE_TEMPLATE/*.yml"),
        ("citation-file-format", "CITATION.cff"),
    ],
)
def test_files_for_the_public_repository_follow_their_schemas(schema, files):
    paths = [str(path) for path in sorted(ROOT.glob(files))]
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", f"vendor.{schema}", *paths]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert paths
    assert run.returncode == 0, run.stdout


def test_workflows_call_only_targets_that_the_makefile_has():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE))
    called = {
        target
        for path in (ROOT / ".github" / "workflows").glob("*.yml")
        for target in re.findall(r"\bmake ([a-z-]+)", path.read_text(encoding="utf-8"))
    }
    assert {"test", "test-lowest"} <= called <= targets


def test_the_oldest_python_of_the_workflow_is_the_one_that_the_package_asks_for():
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "check.yml").read_text(encoding="utf-8"))
    assert pyproject()["requires-python"] == f">={workflow['jobs']['course']['strategy']['matrix']['python'][0]}"


def test_pre_commit_runs_the_tested_versions():
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))["repos"]
    pinned = {hook["repo"].split("/")[-1].removesuffix("-pre-commit"): hook["rev"] for hook in hooks}
    tested = dict(line.split("==") for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines())
    assert pinned["ruff"] == f"v{tested['ruff']}"
    assert pinned["codespell"] == f"v{tested['codespell']}"


def test_spelling_in_texts_and_code():
    pages = [path for path in project_files() if path.suffix == ".md" and "reveal" not in path.parts]
    sources = [path for path in project_files() if path.suffix == ".py" and "tests" not in path.parts]
    command = [sys.executable, "-m", "codespell_lib", *map(str, [*pages, *sources])]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout
