"""What each figure of an evaluation means: printed with it, on the page and in every file."""

from collections.abc import Mapping

DEFINITIONS: Mapping[str, str] = {
    "Accuracy": "share of slides whose grade is exactly the true one.",
    "Within ±1": "share of slides at most one grade off.",
    "κ": "Cohen's kappa between model and truth over the whole scale: plain, with linear or with quadratic weights "
    "(Cohen 1968); not given where all true grades are alike.",
    "MAE, bias": "mean of |grade − truth|, and of grade − truth: above 0 the model grades too high.",
    "Precision, recall, F1": "of each grade against all others. Macro: the plain mean over the grades that truth or "
    "model have; weighted: by the slides of each true grade. A grade the model never gives has a precision of 0.",
    "AUROC": "chance that a slide of grade 1 or more (NAS: 5 or more) scores higher than one below; 0.5 is guessing.",
    "Intervals": "coverage is the share of slides whose truth lies in the 90 % interval, ends included, width its mean "
    "length in grades.",
    "ECE": "expected calibration error: how far the probability of the favoured grade is from how often it is right, "
    "mean over ten bins of equal width (Guo 2017).",
    "95 % interval": "percentiles of resamples that draw patients with replacement, not slides (slides where there are "
    "fewer than five patients). Where all or none of the slides are so, a share has the exact interval of that many "
    "patients (Clopper and Pearson 1934); another figure that no resample moves has none.",
    "Worst": "the part with the largest mean error, which is the mean of the features' MAE.",
}
