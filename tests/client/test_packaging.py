"""The wheel works in a bare environment: no dev tools, no compiler, no Node, no checkout.

The environment holds the wheel, installed by pip, and the distributions that the wheel requires and those that they
require in turn, linked from the environment of the tests. So no network is needed, what a user would get is what
there is, and a dependency that nobody declared is missing.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
import venv
import zipfile
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
DEV_TOOLS = ["build", "hatchling", "hypothesis", "importlinter", "mypy", "pytest", "solcx", "xdist"]


def required(distribution: metadata.Distribution, extras: set[str]) -> list[Requirement]:
    requirements = [Requirement(line) for line in distribution.requires or []]
    return [
        requirement
        for requirement in requirements
        if requirement.marker is None
        or any(requirement.marker.evaluate({"extra": extra}) for extra in extras | {""})
    ]


def closure(wheel: Path) -> list[metadata.Distribution]:
    """What the wheel requires, and what that requires, as installed here."""
    found: dict[str, metadata.Distribution] = {}
    extras_seen: dict[str, set[str]] = {}
    (unpacked,) = metadata.distributions(path=[str(wheel)])
    waiting = required(unpacked, set())
    while waiting:
        requirement = waiting.pop()
        name, extras = canonicalize_name(requirement.name), set(requirement.extras)
        if name in found and extras <= extras_seen[name]:
            continue
        found[name] = metadata.distribution(requirement.name)
        assert requirement.specifier.contains(found[name].version, prereleases=True)
        extras_seen[name] = extras_seen.get(name, set()) | extras
        waiting.extend(required(found[name], extras_seen[name]))
    return list(found.values())


def link(distribution: metadata.Distribution, site_packages: Path) -> None:
    for top in {file.parts[0] for file in distribution.files or []} - {"..", "__pycache__"}:
        if not (site_packages / top).exists():
            (site_packages / top).symlink_to(Path(str(distribution.locate_file(top))))


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    (path,) = folder.glob("evgi_client-*.whl")
    return path


@pytest.fixture(scope="module")
def bare(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of programs of an environment with the wheel and what it requires."""
    home = tmp_path_factory.mktemp("bare") / "env"
    venv.EnvBuilder(symlinks=os.name != "nt").create(home)
    programs = home / ("Scripts" if os.name == "nt" else "bin")
    install = ["install", "--quiet", "--no-deps", "--no-index", "--disable-pip-version-check", str(wheel)]
    subprocess.run([sys.executable, "-m", "pip", "--python", str(programs / "python"), *install], check=True)
    location = "import sysconfig; print(sysconfig.get_path('purelib'))"
    found = subprocess.run([programs / "python", "-c", location], capture_output=True, text=True, check=True)
    for distribution in closure(wheel):
        link(distribution, Path(found.stdout.strip()))
    return programs


def run(bare: Path, *command: str) -> str:
    """Output of a program of the bare environment, run outside the repository with nothing else on the PATH."""
    outside = bare.parent.parent
    environment = {"PATH": str(bare), "HOME": str(outside), "LANG": "C.UTF-8", "MPLCONFIGDIR": str(outside)}
    result = subprocess.run(
        [bare / command[0], *command[1:]],
        cwd=outside,
        env=environment,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def python(bare: Path, code: str) -> str:
    return run(bare, "python", "-c", textwrap.dedent(code)).strip()


def test_wheel_carries_the_package_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    tops = {name.split("/")[0] for name in names}
    assert tops == {"evgi_client", f"evgi_client-{metadata.version('evgi-client')}.dist-info"}
    assert "evgi_client/py.typed" in names
    documents = {str(path.relative_to(ROOT)) for path in (ROOT / "evgi_client").rglob("*.json")}
    assert len(documents) > 20
    assert documents <= names
    assert any(name.endswith("dist-info/licenses/LICENSE") for name in names)


def test_environment_is_bare(bare: Path) -> None:
    code = f"""
        from importlib.util import find_spec
        print([name for name in {DEV_TOOLS!r} if find_spec(name)])
    """
    assert python(bare, code) == "[]"


def test_every_module_imports_from_the_wheel(bare: Path) -> None:
    code = """
        import importlib, pkgutil, sys, evgi_client
        for module in pkgutil.walk_packages(evgi_client.__path__, "evgi_client."):
            if not module.name.endswith("__main__"):
                importlib.import_module(module.name)
        outside = [m.__file__ for n, m in sys.modules.items()
                   if n.startswith("evgi_client.") and m.__file__ and not m.__file__.startswith(sys.prefix)]
        print(outside)
    """
    assert python(bare, code) == "[]"


def test_artifacts_load_from_the_wheel(bare: Path) -> None:
    code = """
        import json
        from evgi_client.chain.artifacts import packaged
        print(json.dumps({artifact.name: len(artifact.deployed_bytecode) for artifact in packaged()}))
    """
    sizes = json.loads(python(bare, code))
    assert set(sizes) == {path.stem for path in (ROOT / "evgi_client" / "artifacts").glob("*.json")}
    assert all(sizes.values())


def test_a_contract_can_be_deployed(bare: Path) -> None:
    code = """
        from evgi_client.chain import Chain
        from evgi_client.signing import LocalSigner
        chain, signer = Chain.embedded(), LocalSigner.create()
        chain.faucet(signer.address, 100 * 10**18)
        manager = chain.deploy("AccessManager", [signer.address], signer)
        print(manager.call("hasRole", 0, signer.address)[0])
    """
    assert python(bare, code) == "True"


def test_command_line_starts(bare: Path) -> None:
    assert "demo" in run(bare, "evgi", "--help")


def test_sessions_are_signed_and_settled(bare: Path) -> None:
    report = json.loads(run(bare, "evgi", "demo", "--limit", "20", "--json", "--out", "demo-out"))
    assert report["sessions"]["settled"] > 0
    assert report["sessions"]["settled"] == report["sessions"]["signed"]
    assert report["checks"]
    assert all(report["checks"].values())
