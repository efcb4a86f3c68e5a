#!/usr/bin/env bash
# diffusers 0.42.1: four fast schedulers, as made, noise a picture the wrong way round: step 0 most, step 999 nothing.
#
# Expected: `add_noise(x, noise, t)` mixes sqrt(ᾱ(t)) of the picture with sqrt(1 - ᾱ(t)) of noise (Ho 2020), the same
#           for every scheduler of the same betas; so it is with DDPM, DDIM and PNDM, whether or not steps were set.
# Seen:     DPMSolverMultistep, DPMSolverSinglestep, UniPCMultistep and DEISMultistep give step t the noise of step
#           999 - t: at step 0 the picture is gone, at 999 untouched; in the middle, at 500, it is right. Sigmas are
#           made from small to large, steps from large to small, and the one is looked up in the other. After
#           `set_timesteps(20)` steps among the twenty are right, and every other is noised like the last one: the
#           picture's share is 0.985, where step 777 should leave 0.05. No warning.
# For a lab: a network that makes stained patches, trained with the scheduler it samples with, learns that a clean patch
#           is noise and noise a clean patch; from the first preview on hardly any patch is noised at all. The loss goes
#           down all the same.
# Searched (issues, documentation): add_noise, set_timesteps, training, sigmas, reversed. Found that `add_noise` fell
#           over before steps were set and got its sigmas when made, for training, in November 2023; not this.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" --disable-pip-version-check -q install diffusers==0.42.1 torch==2.13.0 numpy==2.4.6

cat > "$place/look.py" <<'PY'
import math
import warnings

import numpy as np
import torch
from diffusers import (
    DDIMScheduler,
    DDPMScheduler,
    DEISMultistepScheduler,
    DPMSolverMultistepScheduler,
    DPMSolverSinglestepScheduler,
    PNDMScheduler,
    UniPCMultistepScheduler,
)
from diffusers.utils import logging

warnings.simplefilter("ignore")
logging.set_verbosity_error()  # one scheduler warns of its own default, none of its noise
STEPS = 1000
kept = np.sqrt(np.cumprod(1 - np.linspace(0.0001, 0.02, STEPS)))  # sqrt(ᾱ): the picture's share, by the formula


def shares(scheduler):
    """The picture's share at every step."""
    every = torch.arange(STEPS)
    return scheduler.add_noise(torch.ones(STEPS, 1), torch.zeros(STEPS, 1), every).flatten().double().numpy()


def near(seen, expected):
    return bool(np.abs(seen - expected).max() < 0.002)


same = True
shown = [0, 100, 500, 777, 999]
print("step".ljust(44), shown)
print("formula".ljust(44), kept[shown].round(3).tolist())
for kind in (DDPMScheduler, DDIMScheduler, PNDMScheduler):
    scheduler = kind(num_train_timesteps=STEPS)
    made = shares(scheduler)
    scheduler.set_timesteps(20)
    same &= near(made, kept) and near(shares(scheduler), kept)
    print(kind.__name__.ljust(44), made[shown].round(3).tolist())
for kind in (
    DPMSolverMultistepScheduler,
    DPMSolverSinglestepScheduler,
    UniPCMultistepScheduler,
    DEISMultistepScheduler,
):
    scheduler = kind(num_train_timesteps=STEPS)
    made = shares(scheduler)
    scheduler.set_timesteps(20)
    previewed = shares(scheduler)
    among = np.isin(np.arange(STEPS), scheduler.timesteps.numpy())
    last = kept[int(scheduler.timesteps.min())]
    print(kind.__name__.ljust(44), made[shown].round(3).tolist())
    print("  after set_timesteps(20)".ljust(44), previewed[shown].round(3).tolist())
    same &= near(made, kept[::-1]) and near(previewed[among], kept[among])
    same &= math.isclose(last, 0.985, abs_tol=0.001) and near(previewed[~among], last)
raise SystemExit(0 if same else 1)
PY
"$place/venv/bin/python" "$place/look.py" || { echo "Changed."; exit 1; }
echo "As described."
