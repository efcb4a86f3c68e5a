"""What only the diffusion library can say of a plan, in a process of its own: question on stdin, answer on stdout.

Calls of the U-Net come from the scheduler, lengths of prompts from the tokenizer. Both load torch, which the
application must never do.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from mmdnet.augment.choices import DiffusionChoices
from mmdnet.augment.weights_folder import examine_folder
from mmdnet.errors import LabError
from mmdnet.processes import ask_process

LIMIT_S = 180


def calls_of(choices: DiffusionChoices, prompts: Sequence[str]) -> int:
    """Calls of the U-Net for one child.

    Raises:
        LabError: too few calls, a prompt that is too long, or a scheduler that is not known.
    """
    if "diffusers" in sys.modules:
        return _calls_of(choices, prompts)
    question = {"choices": choices.model_dump(mode="json"), "prompts": list(prompts)}
    answer = ask_process("mmdnet.workflows.augmenting.preflight", question, LIMIT_S)
    if answer["problem"]:
        raise LabError(answer["problem"])
    return int(answer["calls"])


def _calls_of(choices: DiffusionChoices, prompts: Sequence[str]) -> int:
    from mmdnet.augment.diffusion import denoising_plan, refuse_long_prompts

    weights = examine_folder(choices.weights)
    refuse_long_prompts(weights, [*prompts, choices.negative_prompt])
    return denoising_plan(weights, choices.steps, choices.strength).calls


def main() -> None:
    question = json.load(sys.stdin)
    calls, problem = 0, None
    try:
        question["choices"]["weights"] = Path(question["choices"]["weights"])
        calls = _calls_of(DiffusionChoices.model_validate(question["choices"]), question["prompts"])
    except LabError as error:
        problem = str(error)
    print(json.dumps({"calls": calls, "problem": problem}))


if __name__ == "__main__":
    main()
