"""The simulated cohorts the demo model is calibrated on and calibrations are judged on; no patient is in two."""

from mmdnet.simulate.cohorts import CohortPlan
from mmdnet.simulate.recipes import GOLDNER, NEW_SITE

PATCHES = 80  # to a slide: nearly two 200x fields, little for a biopsy
TEST_PER_PATIENT = 4

PLANS: dict[str, CohortPlan] = {
    "calibration": CohortPlan(slides=60, seed=100, slides_per_patient=1, patches=PATCHES),
    "test": CohortPlan(slides=24 * TEST_PER_PATIENT, seed=101, slides_per_patient=TEST_PER_PATIENT, patches=PATCHES),
    "new stain": CohortPlan(slides=16, seed=102, slides_per_patient=1, patches=PATCHES, stains=(GOLDNER,)),
    "new scanner": CohortPlan(slides=16, seed=103, slides_per_patient=1, patches=PATCHES, scanners=(NEW_SITE.scanner,)),
}
