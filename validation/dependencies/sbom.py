"""``python -m validation.dependencies.sbom``: software bill of materials, CycloneDX 1.6 JSON.

The product's own packages, Java archives and servers are *required*. What only tests, builds
or comparisons need is *excluded*, the specification's word for components that do not run.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections import defaultdict
from collections.abc import Iterator, Sequence
from importlib import metadata
from pathlib import Path
from typing import Annotated, Final

import msgspec
import typer
from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import HashAlgorithm, HashType, Property
from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.component import Component, ComponentScope, ComponentType
from cyclonedx.model.license import License
from cyclonedx.output.json import JsonV1Dot6
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from system.clock import Clock, SystemClock
from system.errors import InputError
from system.exits import ExitCode
from system.outputs import OUTPUT_FILE
from validation.dependencies.inventory import (
    RUN_LOCK,
    Dependency,
    Kind,
    differences,
    inventory,
    needs,
)
from validation.report.shapes import write_json
from validation.run.console import finding_table, open_console
from validation.verdict import Finding, Verdict, judged, overall

SBOM: Final = Path("build") / "sbom.cdx.json"
PRODUCT: Final = "riskstream"
LONGEST_LICENCE: Final = 120
"""Some packages put the whole text where the licence's name belongs."""
_NAMESPACE: Final = uuid.UUID("6f1d6b0e-8d0b-5c53-9c61-2f5c0c1f7a11")


class SbomReport(msgspec.Struct, frozen=True, kw_only=True):
    """Contents of the findings' file."""

    verdict: Verdict
    findings: tuple[Finding, ...]


def bill_of_materials(
    dependencies: Sequence[Dependency], *, version: str, taken_at: dt.datetime
) -> Bom:
    """Return the bill of materials of an inventory.

    Parameters
    ----------
    dependencies : sequence of Dependency
        The inventory; a server or archive inside a wheel becomes a part of that package.
    version : str
        Of the product.
    taken_at : datetime
        When the inventory was taken, with its time zone.
    """
    product = Component(
        name=PRODUCT, version=version, type=ComponentType.APPLICATION, bom_ref=PRODUCT
    )
    carried: dict[str, list[Component]] = defaultdict(list)
    for dependency in dependencies:
        if dependency.carried_by:
            carried[dependency.carried_by].append(_component(dependency))
    parts = {
        dependency: _component(dependency, carried[dependency.name])
        for dependency in dependencies
        if not dependency.carried_by
    }
    bom = Bom(
        components=parts.values(),
        serial_number=_serial_number(version, dependencies),
        metadata=BomMetaData(component=product, timestamp=taken_at),
    )
    run = {d.name: part for d, part in parts.items() if d.lock == RUN_LOCK}
    bom.register_dependency(product, [part for d, part in parts.items() if d.is_run])
    asked = needs([d for d in parts if d.lock == RUN_LOCK])
    for name, part in run.items():
        bom.register_dependency(part, [run[each] for each in asked[name]])
    return bom


def _component(dependency: Dependency, inside: Sequence[Component] = ()) -> Component:
    is_server = dependency.kind is Kind.SERVER
    # One checksum is of the one file that there is; several are of alternative files.
    hashes = dependency.sha256 if len(dependency.sha256) == 1 else ()
    return Component(
        name=dependency.name,
        group=dependency.group or None,
        version=dependency.version,
        type=ComponentType.APPLICATION if is_server else ComponentType.LIBRARY,
        bom_ref=_reference(dependency),
        purl=dependency.purl,
        scope=ComponentScope.REQUIRED if dependency.is_run else ComponentScope.EXCLUDED,
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=content) for content in hashes],
        licenses=_licences(dependency),
        components=inside,
        properties=[Property(name=f"{PRODUCT}:lock", value=dependency.lock)],
    )


def _reference(dependency: Dependency) -> str:
    """Return a name that no other component has: the same archive may be in two places."""
    inside = f"{dependency.carried_by}/" if dependency.carried_by else ""
    digest = f"#{dependency.sha256[0][:12]}" if inside and dependency.sha256 else ""
    return f"{inside}{dependency.purl.to_string()}{digest}"


def _licences(dependency: Dependency) -> Iterator[License]:
    if dependency.kind is Kind.PYTHON and (text := stated_licence(dependency.name)):
        yield LicenseFactory().make_from_string(text)


def stated_licence(package: str) -> str:
    """Return the licence that an installed Python package states, empty if none in brief."""
    try:
        head = metadata.metadata(package)
    except metadata.PackageNotFoundError:
        return ""
    classifiers = [c for c in head.get_all("Classifier") or () if c.startswith("License :: ")]
    named = classifiers[0].rpartition(" :: ")[2] if len(classifiers) == 1 else ""
    texts = [*(head.get_all("License-Expression") or ()), *(head.get_all("License") or ())]
    stated = texts[0] if texts else named
    return stated if stated and len(stated) <= LONGEST_LICENCE else named


def _serial_number(version: str, dependencies: Sequence[Dependency]) -> uuid.UUID:
    """Return a number that is the same for the same components."""
    names = "\n".join(_reference(dependency) for dependency in dependencies)
    return uuid.uuid5(_NAMESPACE, f"{version}\n{names}")


def schema_problems(document: str) -> Iterator[str]:
    """Yield a sentence if a document does not follow CycloneDX 1.6, strictly."""
    error = JsonStrictValidator(SchemaVersion.V1_6).validate_str(document)
    if error is not None:
        yield f"not CycloneDX 1.6: {error}"


def findings(document: str, dependencies: Sequence[Dependency]) -> Iterator[Finding]:
    """Yield what is to be said about a bill of materials: its form, and whether it is true.

    Parameters
    ----------
    document : str
        The bill as JSON.
    dependencies : sequence of Dependency
        The inventory that it was made of.
    """
    counts = {str(kind): sum(d.kind is kind for d in dependencies) for kind in Kind}
    listed = ", ".join(f"{count} {kind}" for kind, count in counts.items())
    yield judged(
        "the SBOM follows the schema of CycloneDX 1.6",
        schema_problems(document),
        passed=f"valid; {listed} components",
        figures=dict(counts),
    )
    yield judged(
        "the product's packages are installed as they are locked",
        differences(dependencies),
        passed=f"all {sum(d.lock == RUN_LOCK for d in dependencies)} of {RUN_LOCK}",
    )
    yield judged(
        "each embedded server states its version",
        (f"{d.name} states none" for d in dependencies if d.version == "unknown"),
        passed=", ".join(str(d) for d in dependencies if d.kind is Kind.SERVER),
    )


def main(
    output: Annotated[
        Path, typer.Option(callback=OUTPUT_FILE, help="Where to write the SBOM.")
    ] = SBOM,
    report: Annotated[
        Path | None, typer.Option(callback=OUTPUT_FILE, help="Where to write the findings.")
    ] = None,
) -> None:
    """Write the software bill of materials of this installation, and check it."""
    console = open_console()
    try:
        dependencies = inventory()
    except InputError as error:
        console.print(f"error: {error}", markup=False)
        raise typer.Exit(ExitCode.WRONG_INPUT) from None
    document = written(dependencies, clock=SystemClock())
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(document, "utf-8")
    outcome = tuple(findings(document, dependencies))
    verdict = overall(finding.verdict for finding in outcome)
    if report is not None:
        report.parent.mkdir(parents=True, exist_ok=True)
        write_json(report, SbomReport(verdict=verdict, findings=outcome))
    console.print(finding_table(outcome))
    console.print(f"SBOM: {output}", highlight=False)
    raise typer.Exit(ExitCode.of_check(passed=verdict is Verdict.PASSED))


def written(dependencies: Sequence[Dependency], *, clock: Clock) -> str:
    """Return the bill of materials of an inventory as indented JSON."""
    taken_at = dt.datetime.fromtimestamp(clock.wall_ns() // 10**9, dt.UTC)
    bom = bill_of_materials(dependencies, version=metadata.version(PRODUCT), taken_at=taken_at)
    document: str = JsonV1Dot6(bom).output_as_string(indent=2)
    return document + "\n"


if __name__ == "__main__":
    typer.run(main)
