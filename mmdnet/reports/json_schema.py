"""The report's JSON schema, published: `python -m mmdnet.reports.json_schema > docs/report.schema.json`."""

import json

from mmdnet.reports.schema import Report


def report_schema() -> str:
    """The schema of `canonical_json` as JSON (draft 2020-12); `schema_version` in it names the versions it is of."""
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **Report.model_json_schema()}
    return json.dumps(schema, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    print(report_schema(), end="")
