#!/usr/bin/env python3
"""Compile the contracts into the artifacts that the Python package and the tests carry.

    scripts/artifacts.py                        build what the sources declare, delete what they no longer do
    scripts/artifacts.py --only ClearingToken   build these contracts and leave the rest alone
    scripts/artifacts.py --check                compile again and fail where a committed artifact differs
    scripts/artifacts.py --check-sources        compare source hashes only: needs no compiler, no Node

Each root file is compiled with what it imports and nothing else, so an artifact depends on its own sources, the
settings and the compiler's version alone: a new contract beside it cannot change its bytes. Every artifact names
those sources with their hashes, and anyone can rebuild it from them.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import posixpath
import re
import sys
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parent.parent
WASM_COMPILER = PROJECT / "scripts" / "solc-wasm"

SETTINGS: dict[str, Any] = {
    "evmVersion": "cancun",
    # No hash of the metadata in the bytecode: it would name paths, and differ from one compiler driver to the next.
    "metadata": {"bytecodeHash": "none"},
    "optimizer": {"enabled": True, "runs": 200},
    "viaIR": False,
}

EIP_170_LIMIT = 24_576
"""The most bytes of code a contract can be deployed with."""

DECLARATION = re.compile(r"^(?:contract|library)\s+(\w+)", re.MULTILINE)
IMPORT = re.compile(r"""^\s*import\b[^;"']*["']([^"']+)["']""", re.MULTILINE)
COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)


class BuildError(Exception):
    """A contract that cannot be built, or an artifact that does not fit its sources; the message says which and why."""


class MissingSourceError(BuildError):
    """A file that the sources import and that is not there."""


@dataclass(frozen=True)
class Suite:
    """Root files whose contracts are compiled, and the folder that their artifacts go to."""

    roots: tuple[str, ...]
    artifacts: Path

    def contracts(self) -> dict[str, str]:
        """Contract name to the root that declares it. Abstract contracts and interfaces have no bytecode."""
        declared: dict[str, str] = {}
        for root in self.roots:
            for name in DECLARATION.findall(COMMENT.sub("", read_source(root))):
                if name in declared:
                    raise BuildError(f"{name} is declared in both {declared[name]} and {root}")
                declared[name] = root
        return declared

    def path(self, contract: str) -> Path:
        return self.artifacts / f"{contract}.json"


@dataclass
class Outcome:
    """What came of compiling one root."""

    contracts: dict[str, dict[str, Any]] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    error: str | None = None


def suites() -> list[Suite]:
    """The product's contracts (every house but the three that hold no deployable code) and those of the tests."""
    without_code = {"interfaces", "types", "libraries"}
    houses = (
        path for path in (PROJECT / "contracts").glob("*/*.sol") if path.parent.name not in without_code
    )
    return [
        Suite(
            roots=(*units(houses), "@openzeppelin/contracts/access/manager/AccessManager.sol"),
            artifacts=PROJECT / "evgi_client" / "artifacts",
        ),
        Suite(
            roots=units((PROJECT / "tests" / "contracts" / "solidity").glob("*.sol")),
            artifacts=PROJECT / "tests" / "contracts" / "artifacts",
        ),
    ]


def units(paths: Iterable[Path]) -> tuple[str, ...]:
    return tuple(sorted(path.relative_to(PROJECT).as_posix() for path in paths))


def pins() -> dict[str, str]:
    """Exact version of each npm package that the project pins."""
    manifest: dict[str, dict[str, str]] = json.loads((PROJECT / "package.json").read_text(encoding="utf-8"))
    return manifest["devDependencies"]


def package_of(unit: str) -> str | None:
    """The npm package of a source unit, or None for a file of this project."""
    return "/".join(unit.split("/")[:2]) if unit.startswith("@") else None


def read_source(unit: str) -> str:
    path = PROJECT / ("node_modules" if package_of(unit) else ".") / unit
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        mend = "run `npm ci`" if package_of(unit) else "is the import right?"
        raise MissingSourceError(f"{unit} is not there: {mend}") from None


def imports(unit: str, source: str) -> Iterator[str]:
    for target in IMPORT.findall(COMMENT.sub("", source)):
        relative = target.startswith(".")
        yield posixpath.normpath(posixpath.join(posixpath.dirname(unit), target)) if relative else target


def closure(roots: Iterable[str]) -> dict[str, str]:
    """Source unit to content, for the roots and everything they import."""
    sources: dict[str, str] = {}
    waiting = list(roots)
    while waiting:
        unit = waiting.pop()
        if unit not in sources:
            sources[unit] = read_source(unit)
            waiting.extend(imports(unit, sources[unit]))
    return dict(sorted(sources.items()))


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def source_hash(hashes: dict[str, str]) -> str:
    """One hash over all sources: that of the lines that ``sha256sum`` prints for them, sorted by name."""
    return "sha256:" + digest("".join(f"{value}  {unit}\n" for unit, value in sorted(hashes.items())))


def find_compiler(version: str) -> Path:
    """A native solc that py-solc-x has installed, else the pinned WebAssembly one; both give the same bytes."""
    import solcx

    native = [found for found in solcx.get_installed_solc_versions() if str(found) == version]
    return Path(solcx.install.get_executable(native[0])) if native else WASM_COMPILER


def compile_sources(compiler: Path, sources: dict[str, str], selection: dict[str, Any]) -> dict[str, Any]:
    import solcx

    document = {
        "language": "Solidity",
        "sources": {unit: {"content": content} for unit, content in sources.items()},
        "settings": {**SETTINGS, "outputSelection": selection},
    }
    try:
        output: dict[str, Any] = solcx.compile_standard(document, solc_binary=compiler)
    except solcx.exceptions.SolcError as error:
        raise BuildError(error.message or error.stderr_data) from None
    return output


def own_warnings(output: dict[str, Any]) -> list[str]:
    """Formatted warnings about this project's files; those about packages are their authors' to mend."""
    return [
        error["formattedMessage"].rstrip()
        for error in output.get("errors", [])
        if not package_of(error.get("sourceLocation", {}).get("file", ""))
    ]


def compile_root(root: str, compiler: Path, version: str) -> Outcome:
    wanted = ["abi", "evm.bytecode", "evm.deployedBytecode"]
    try:
        sources = closure([root])
        output = compile_sources(compiler, sources, {root: {"*": wanted}})
    except BuildError as error:
        return Outcome(error=str(error))
    hashes = {unit: digest(content) for unit, content in sources.items()}
    packages = sorted({package for package in map(package_of, sources) if package})
    outcome = Outcome(warnings=own_warnings(output))
    for name, contract in output["contracts"][root].items():
        creation, runtime = contract["evm"]["bytecode"], contract["evm"]["deployedBytecode"]
        if not creation["object"]:
            continue
        if creation["linkReferences"]:
            outcome.error = f"{name} needs a linked library; make the library's functions internal"
        if len(runtime["object"]) // 2 > EIP_170_LIMIT:
            outcome.error = (
                f"{name} has {len(runtime['object']) // 2} bytes of code; the limit is {EIP_170_LIMIT}"
            )
        outcome.contracts[name] = {
            "contractName": name,
            "sourceName": root,
            "abi": contract["abi"],
            "bytecode": "0x" + creation["object"],
            "deployedBytecode": "0x" + runtime["object"],
            "immutableReferences": runtime.get("immutableReferences", {}),
            "compiler": {"version": version, "settings": SETTINGS},
            "packages": {package: pins()[package] for package in packages},
            "sources": hashes,
            "sourceHash": source_hash(hashes),
        }
    return outcome


def compile_suite(suite: Suite, only: set[str], compiler: Path, version: str) -> Outcome:
    """Artifacts of a suite, with the errors of all roots that failed; an empty ``only`` means every contract."""
    roots = sorted({root for name, root in suite.contracts().items() if not only or name in only})
    total, errors = Outcome(), []
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        outcomes = pool.map(lambda root: compile_root(root, compiler, version), roots)
        for root, outcome in zip(roots, outcomes, strict=True):
            total.contracts.update({k: v for k, v in outcome.contracts.items() if not only or k in only})
            total.warnings.extend(warning for warning in outcome.warnings if warning not in total.warnings)
            if outcome.error:
                errors.append(f"{root}:\n{outcome.error}")
    total.error = "\n".join(errors) or None
    return total


def compile_unreached(compiler: Path) -> Outcome:
    """Compile the files that no deployable contract imports yet, for their errors alone."""
    every = units((PROJECT / "contracts").rglob("*.sol"))
    reached: set[str] = set()
    for root in suites()[0].roots:
        try:
            reached |= closure([root]).keys()
        except MissingSourceError:
            continue
    unreached = [unit for unit in every if unit not in reached]
    if not unreached:
        return Outcome()
    try:
        output = compile_sources(compiler, closure(unreached), {"*": {"*": ["abi"]}})
    except BuildError as error:
        return Outcome(error=str(error))
    return Outcome(warnings=own_warnings(output))


def render(artifact: dict[str, Any]) -> str:
    return json.dumps(artifact, indent=2, sort_keys=True) + "\n"


def build(only: set[str], check: bool) -> int:
    import solcx

    compiler = find_compiler(pins()["solc"])
    version = solcx.wrapper.get_version_str_from_solc_binary(compiler)
    if not version.startswith(pins()["solc"] + "+"):
        raise BuildError(f"{compiler} is solc {version}, package.json pins {pins()['solc']}: run `npm ci`")
    print(f"solc {version} from {compiler}", file=sys.stderr)

    outcomes, stale = [], []
    known = {name for suite in suites() for name in suite.contracts()}
    if unknown := only - known:
        raise BuildError(
            f"no such contract: {', '.join(sorted(unknown))}; there are {', '.join(sorted(known))}"
        )
    for suite in suites():
        outcome = compile_suite(suite, only, compiler, version)
        outcomes.append(outcome)
        for name, artifact in sorted(outcome.contracts.items()):
            path = suite.path(name)
            if path.is_file() and path.read_text(encoding="utf-8") == render(artifact):
                continue
            if check:
                stale.append(f"{path.relative_to(PROJECT)} {difference(path, artifact)}")
            else:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(render(artifact), encoding="utf-8", newline="\n")
                size = len(artifact["deployedBytecode"]) // 2 - 1
                print(f"wrote {path.relative_to(PROJECT)} ({size:,} bytes of code)")
        for path in orphans(suite) if not only else []:
            if check:
                stale.append(f"{path.relative_to(PROJECT)} has no contract any more")
            else:
                path.unlink()
                print(f"deleted {path.relative_to(PROJECT)}: no contract has that name")
    if not only:
        outcomes.append(compile_unreached(compiler))

    errors = [outcome.error for outcome in outcomes if outcome.error]
    warnings = list(dict.fromkeys(warning for outcome in outcomes for warning in outcome.warnings))
    for message in [*warnings, *errors]:
        print(message, file=sys.stderr)
    return report(stale) or (1 if errors or (check and warnings) else 0)


def orphans(suite: Suite) -> list[Path]:
    declared = suite.contracts()
    return [path for path in sorted(suite.artifacts.glob("*.json")) if path.stem not in declared]


def difference(path: Path, artifact: dict[str, Any]) -> str:
    if not path.is_file():
        return "is missing"
    committed = json.loads(path.read_text(encoding="utf-8"))
    keys = sorted(key for key in {*committed, *artifact} if committed.get(key) != artifact.get(key))
    return f"differs in {', '.join(keys)}" if keys else "is not formatted as this script writes it"


def report(stale: list[str]) -> int:
    for line in stale:
        print(f"stale: {line}", file=sys.stderr)
    if stale:
        print("Run `make artifacts` and commit what it writes.", file=sys.stderr)
    return 1 if stale else 0


def check_sources() -> int:
    """Compare every artifact with the hashes of its sources, the settings and the pinned versions.

    Where a package is not installed, the pinned version stands for its files.
    """
    stale = []
    for suite in suites():
        # Without node_modules nobody can list what a package's file declares; its name says it.
        own = Suite(tuple(root for root in suite.roots if not package_of(root)), suite.artifacts)
        packaged = {Path(root).stem: root for root in suite.roots if package_of(root)}
        declared = {**own.contracts(), **packaged}
        for name, root in sorted(declared.items()):
            reason = stale_sources(suite.path(name), root)
            if reason:
                stale.append(f"{suite.path(name).relative_to(PROJECT)} {reason}")
        stale.extend(
            f"{path.relative_to(PROJECT)} has no contract any more"
            for path in sorted(suite.artifacts.glob("*.json"))
            if path.stem not in declared
        )
    return report(stale)


def stale_sources(path: Path, root: str) -> str | None:
    """Why the artifact at ``path`` does not fit its sources, or None where it does."""
    if not path.is_file():
        return "is missing"
    artifact = json.loads(path.read_text(encoding="utf-8"))
    if artifact["compiler"]["settings"] != SETTINGS:
        return "was compiled with other settings"
    if not artifact["compiler"]["version"].startswith(pins()["solc"] + "+"):
        return f"was compiled with solc {artifact['compiler']['version']}, not the pinned {pins()['solc']}"
    if any(pins().get(package) != version for package, version in artifact["packages"].items()):
        return f"was compiled with {artifact['packages']}, not the pinned versions"
    if artifact["sourceHash"] != source_hash(artifact["sources"]):
        return "has a source hash that is not that of its sources"

    recorded: dict[str, str] = artifact["sources"]
    reached: set[str] = set()
    waiting = [root]
    while waiting:
        unit = waiting.pop()
        if unit in reached:
            continue
        reached.add(unit)
        if unit not in recorded:
            return f"was compiled without {unit}"
        try:
            source = read_source(unit)
        except MissingSourceError:
            if package_of(unit) is None:
                return f"was compiled with {unit}, which is not there"
            continue
        if digest(source) != recorded[unit]:
            return f"is older than {unit}"
        waiting.extend(imports(unit, source))
    left = sorted(unit for unit in recorded.keys() - reached if package_of(unit) is None)
    return f"was compiled with {left[0]}, which its contract no longer imports" if left else None


def main() -> int:
    parser = argparse.ArgumentParser(
        description="Compile the contracts into artifacts, or check that they are fresh."
    )
    parser.add_argument("--only", nargs="+", default=[], metavar="NAME", help="these contracts and no others")
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument("--check", action="store_true", help="compile again; fail where an artifact differs")
    mode.add_argument("--check-sources", action="store_true", help="compare source hashes; needs no compiler")
    arguments = parser.parse_args()
    try:
        return check_sources() if arguments.check_sources else build(set(arguments.only), arguments.check)
    except BuildError as error:
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
