"""Known weaknesses of the pinned packages, by pip-audit, where the service it asks answers within seconds.

`python -m benchmarks._audit` says what came of it, beside the tests; it never fails: what became known overnight of a
package is no fault of a commit. `python -m benchmarks dependencies` asks for no finding.
"""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from dataclasses import dataclass

from mmdnet.licences import ROOT
from mmdnet.words import count

LONGEST_S = 60
ANSWER_S = 5  # for one package


@dataclass(frozen=True)
class Audit:
    """`findings` name a package and its weaknesses' numbers; `said` how many packages were looked at, or why none."""

    findings: tuple[str, ...]
    said: str


def audit() -> Audit:
    """Ask about every pinned package of the product. What its service does not know is not called clean here."""
    if importlib.util.find_spec("pip_audit") is None:
        return Audit((), "not run: pip-audit is not installed here")
    pins = ["-r", str(ROOT / "requirements.txt"), "--no-deps", "--disable-pip", "--timeout", str(ANSWER_S)]
    command = [sys.executable, "-m", "pip_audit", *pins, "--format", "json", "--progress-spinner", "off"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=LONGEST_S)
        return read(done.stdout)
    except (subprocess.TimeoutExpired, ValueError, KeyError):
        return Audit((), "not run: its service could not be reached")


def read(told: str) -> Audit:
    """What pip-audit told, as JSON.

    Raises:
        ValueError, KeyError: it told nothing of the kind.
    """
    packages = json.loads(told)["dependencies"]
    known = [each for each in packages if "skip_reason" not in each]
    hit = tuple(f"{each['name']}: {', '.join(v['id'] for v in each['vulns'])}" for each in known if each["vulns"])
    if not known:
        return Audit((), f"not run: its service knows none of {count(len(packages), 'package')}")
    unknown = f", {len(packages) - len(known)} more are not known to its service" if len(known) < len(packages) else ""
    return Audit(hit, f"pip-audit looked at {count(len(known), 'package')}{unknown}")


if __name__ == "__main__":
    came = audit()
    print("\n".join([f"Audit of packages: {came.said}.", *came.findings]))
