"""[dependencies] The bill of materials of the pinned packages, and what an audit finds where one is reachable."""

import json

from benchmarks._audit import audit
from benchmarks.result import Result
from mmdnet.licences import asks_for_gpl, licences, sbom


def run(quick: bool = False) -> Result:
    """`value` is how many packages have a finding, name no licence, or ask for the GPL; the same in the short form."""
    rows = licences()
    told = json.loads(sbom(rows))
    unnamed = [row.package for row in rows if row.licence == "not named" or asks_for_gpl(row.licence)]
    came = audit()
    beside = {
        "reach": 0,
        "reach_is": "most",
        "components": len(told["components"]),
        "audit": came.said,
        "findings": list(came.findings),
    }
    return Result("dependencies", len(unnamed) + len(came.findings), "packages with a finding", beside)
