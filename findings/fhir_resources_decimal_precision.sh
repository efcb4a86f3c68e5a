#!/usr/bin/env bash
# fhir.resources 8.3.0 writes decimals through binary floats: 0.50 becomes 0.5, digits beyond the 17th are lost.
#
# Expected: a FHIR decimal carries its precision (0.010 states more than 0.01) and the package has a type of its own for
#           it: `Decimal("0.50")`, given in and held as such, is written as 0.50.
# Seen:     the object holds Decimal('0.50') and writes 0.5; for 12345678901234567.5 it writes 1.2345678901234568e+16.
#           Read from JSON, the zero is gone as well. Whole numbers keep all digits.
# For a lab: a scale of 0.250 µm/px arrives as one measured less well, and a resource that was read and written again
#           differs from the one that was signed.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" --disable-pip-version-check -q install fhir.resources==8.3.0 fhir-core==1.1.12 pydantic==2.14.3

cat > "$place/look.py" <<'PY'
from decimal import Decimal

from fhir.resources.quantity import Quantity

held, written, again = {}, {}, {}
for text in ("0.50", "0.250", "12345678901234567.5", "9007199254740993"):
    quantity = Quantity(value=Decimal(text))
    held[text] = str(quantity.value)
    written[text] = quantity.model_dump_json()
    again[text] = Quantity.model_validate_json('{"value":%s}' % text).model_dump_json()
    print(f"{text}: held {held[text]}, written {written[text]}, read and written again {again[text]}")
all_held = all(held[text] == text for text in held)
lost = written["0.50"] == again["0.50"] == '{"value":0.5}' and written["0.250"] == '{"value":0.25}'
long = "12345678901234567.5"
rounded = Decimal(written[long].removeprefix('{"value":').removesuffix("}")) == Decimal("12345678901234568")
whole = written["9007199254740993"] == '{"value":9007199254740993}'
raise SystemExit(0 if all_held and lost and rounded and whole else 1)
PY
"$place/venv/bin/python" "$place/look.py" || { echo "Changed."; exit 1; }
echo "As described."
