#!/usr/bin/env bash
# wsidicom 0.36.1 saves every annotation as drawn by hand: what a model outlined is read, saved, and says MANUAL.
#
# Expected: bulk annotations tell for each group whether it is MANUAL, SEMIAUTOMATIC or AUTOMATIC, and of the latter two
#           by which algorithm (DICOM PS3.3 C.37.1.2). Opened and saved again they still do; or saving is refused, as
#           rectangles and ellipses are.
# Seen:     a group made with highdicom 0.28.2 as AUTOMATIC, "fat finder 2.1", is MANUAL in the saved file, without
#           algorithm and under another UID; so is a SEMIAUTOMATIC one. Labels, outlines and coordinates are the same.
#           The groups read have no attribute for it, and the constructor has no argument. Nothing warns.
# For a lab: after a step that only adds a label or a colour the outlines of a model pass for those of a pathologist, in
#           a study as ground truth, which the same model is then held against.
# Searched (issues, documentation): AnnotationGroupGenerationType, MANUAL, AUTOMATIC, algorithm identification, save.
#           Found nothing of it; its guide to annotations does not name the matter.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" --disable-pip-version-check -q install \
    wsidicom==0.36.1 highdicom==0.28.2 pydicom==3.0.2 numpy==2.4.6

cat > "$place/look.py" <<'PY'
import sys
import warnings

import highdicom as hd
import numpy as np
import pydicom
from pydicom.sr.codedict import codes
from pydicom.uid import ExplicitVRLittleEndian, VLWholeSlideMicroscopyImageStorage, generate_uid
from wsidicom.graphical_annotations import AnnotationInstance


def slide():
    """What annotations take of their slide: its identity, patient, study and tiles."""
    data = pydicom.Dataset()
    data.file_meta = pydicom.dataset.FileMetaDataset()
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data.SOPClassUID = VLWholeSlideMicroscopyImageStorage
    for each in ("SOPInstance", "StudyInstance", "SeriesInstance", "FrameOfReference"):
        setattr(data, each + "UID", generate_uid())
    data.PatientID, data.PatientName, data.PatientBirthDate, data.PatientSex = "L-17", "Doe^Jane", "19700101", "F"
    data.AccessionNumber, data.StudyID, data.StudyDate, data.StudyTime = "A-9", "1", "20260101", "120000"
    data.ReferringPhysicianName, data.Modality = "Roe^Ann", "SM"
    data.Rows = data.Columns = 256
    data.TotalPixelMatrixRows = data.TotalPixelMatrixColumns = 1024
    data.NumberOfFrames, data.DimensionOrganizationType = 16, "TILED_FULL"
    return data


def outlines():
    turns = np.linspace(0, 2 * np.pi, 12, endpoint=False)
    ring = np.stack([np.cos(turns), np.sin(turns)], 1) * 20
    return [(ring + middle).astype(np.float32) for middle in ((100, 100), (300, 500), (800, 250))]


def group(number, how):
    return hd.ann.AnnotationGroup(
        number=number,
        uid=generate_uid(),
        label=f"fat, {how.lower()}",
        annotated_property_category=codes.SCT.MorphologicallyAbnormalStructure,
        annotated_property_type=codes.SCT.Nucleus,
        graphic_type="POLYGON",
        graphic_data=outlines(),
        algorithm_type=how,
        algorithm_identification=None if how == "MANUAL" else model,
    )


def told(path):
    data = pydicom.dcmread(path)
    found = []
    for each in data.AnnotationGroupSequence:
        models = [one.AlgorithmName for one in each.get("AnnotationGroupAlgorithmIdentificationSequence", [])]
        places = np.frombuffer(each.PointCoordinatesData, np.float32)
        found.append((each.AnnotationGroupLabel, each.AnnotationGroupGenerationType, models, places.sum()))
    return found


place = sys.argv[1]
model = hd.AlgorithmIdentificationSequence("fat finder", codes.DCM.ArtificialIntelligence, "2.1")
KINDS = ("AUTOMATIC", "SEMIAUTOMATIC", "MANUAL")
hd.ann.MicroscopyBulkSimpleAnnotations(
    source_images=[slide()],
    annotation_coordinate_type="2D",
    annotation_groups=[group(number, how) for number, how in enumerate(KINDS, 1)],
    series_instance_uid=generate_uid(),
    series_number=1,
    sop_instance_uid=generate_uid(),
    instance_number=1,
    manufacturer="Lab",
    manufacturer_model_name="app",
    software_versions="1",
    device_serial_number="1",
).save_as(f"{place}/made.dcm")
with warnings.catch_warnings(record=True) as warned:
    warnings.simplefilter("always")
    (read,) = AnnotationInstance.open([f"{place}/made.dcm"])
    read.save(f"{place}/saved.dcm")
made, saved = told(f"{place}/made.dcm"), told(f"{place}/saved.dcm")
for before, after in zip(made, saved, strict=True):
    print(f"{before[0]}: made as {before[1]} by {before[2]}, saved as {after[1]} by {after[2]}")
same = all(a[0] == b[0] and a[3] == b[3] for a, b in zip(made, saved, strict=True))
print("Same labels and coordinates:", same)
print("Warned:", [str(each.message) for each in warned])
as_made = [each[1:3] for each in made] == [(how, [] if how == "MANUAL" else ["fat finder"]) for how in KINDS]
as_saved = [each[1:3] for each in saved] == [("MANUAL", [])] * 3
raise SystemExit(0 if as_made and as_saved and same and not warned else 1)
PY
"$place/venv/bin/python" "$place/look.py" "$place" || { echo "Changed."; exit 1; }
echo "As described."
