"""[dependencies] The bill of materials of the pinned packages, and what an audit finds where one is reachable."""

import importlib.util
import json
import subprocess
import sys

from benchmarks.result import Result
from mmdnet.licences import ROOT, asks_for_gpl, licences, sbom

LONGEST_S = 300


def run(quick: bool = False) -> Result:
    """`value` is how many packages have a finding, name no licence, or ask for the GPL; the same in the short form."""
    rows = licences()
    told = json.loads(sbom(rows))
    unnamed = [row.package for row in rows if row.licence == "not named" or asks_for_gpl(row.licence)]
    found, said = _audited()
    beside = {"reach": 0, "reach_is": "most", "components": len(told["components"]), "audit": said}
    return Result("dependencies", len(unnamed) + len(found), "packages with a finding", beside | {"findings": found})


def _audited() -> tuple[list[str], str]:
    """Findings by package, and whether there was an audit: pip-audit asks a service that not every machine reaches."""
    if importlib.util.find_spec("pip_audit") is None:
        return [], "not run: pip-audit is not installed here"
    pins = ["-r", str(ROOT / "requirements.txt"), "--no-deps", "--disable-pip", "--format", "json"]
    command = [sys.executable, "-m", "pip_audit", *pins]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=LONGEST_S)
        packages = json.loads(done.stdout)["dependencies"]
    except (subprocess.TimeoutExpired, ValueError, KeyError):
        return [], "not run: its service could not be reached"
    hit = [f"{each['name']}: {', '.join(v['id'] for v in each['vulns'])}" for each in packages if each.get("vulns")]
    return hit, f"pip-audit looked at {len(packages)} packages"
