"""What a person may choose about the losses of a training, and about the domains it unlearns."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from mmdnet.bags.cohort import DomainKey
from mmdnet.nn.kinds import AttentionRule, DomainMethod, ReversalMode
from mmdnet.training.choices.options import Option, Searched


class LossChoices(BaseModel):
    """How losses are weighed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    task_weights: Annotated[
        Literal["fixed", "learnt"],
        Option(
            "Tasks weighed",
            "Learnt: each task's noise sets its weight (Kendall 2018).",
            "loss",
            values={"fixed": "All alike", "learnt": "By their noise, learnt"},
            searched=Searched(),
        ),
    ] = "fixed"
    class_weight_cap: Annotated[
        float,
        Field(ge=1),
        Option(
            "Most weight of a rare grade",
            "1 only lowers the loss of common grades.",
            "loss",
            searched=Searched(high=10, log=True),
        ),
    ] = 1.0
    aux_instance_weight: Annotated[
        float,
        Field(ge=0),
        Option(
            "Weight of single graded patches",
            "0 trains on bag labels alone.",
            "loss",
            searched=Searched(high=2, usual=True),
        ),
    ] = 1.0
    ignore_weight: Annotated[
        float,
        Field(ge=0),
        Option(
            "Weight of the quality gate",
            "Learns to tell patches that readers set aside; 0 trains none.",
            "loss",
            searched=Searched(high=1),
        ),
    ] = 0.3


class DomainChoices(BaseModel):
    """What the network is made insensitive to, and how."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    domain_key: Annotated[
        DomainKey,
        Option(
            "Made insensitive to",
            "What the domain branch must not be able to tell from a bag.",
            "domain",
            values={
                "scanner+stain": "Scanner and stain",
                "site": "Site",
                "site+scanner": "Site and scanner",
                "scanner": "Scanner",
                "stain": "Stain",
                "staining_run": "Staining run",
                "patient": "Patient",
                "slide": "Slide",
                "none": "Nothing",
            },
        ),
    ] = "scanner+stain"
    domain_method: Annotated[
        DomainMethod,
        Option(
            "Made insensitive by",
            "An adversary that must not tell the domain; features' means and covariances drawn together (CORAL), or "
            "their whole distributions (MMD); or the domain that is graded worst counting more (GroupDRO).",
            "domain",
            values={
                "adversary": "An adversary",
                "coral": "CORAL (Sun 2016)",
                "mmd": "MMD (Gretton 2012)",
                "group_dro": "GroupDRO (Sagawa 2020)",
            },
            searched=Searched(whole=True),
        ),
    ] = "adversary"
    reversal: Annotated[
        ReversalMode,
        Option(
            "Patches spared",
            "Whether patches that a grade hangs on are spared from being made alike.",
            "domain",
            values={
                "relative": "By their share of the most attention",
                "hashimoto": "By attention (Hashimoto 2020)",
                "uniform": "None (DANN)",
                "loss_attention": "By weighing the domain loss",
            },
            searched=Searched(whole=True),
        ),
    ] = "relative"
    attention_rule: Annotated[
        AttentionRule,
        Option(
            "Attention of the tasks joined",
            "One attention for the domain branch out of one per task.",
            "domain",
            values={"relative_max": "Spared if any task needs it", "mean": "Their mean, as published"},
            searched=Searched(whole=True),
        ),
    ] = "relative_max"
    alpha: Annotated[
        float,
        Field(ge=0, le=1),
        Option(
            "Strength",
            "Of the adversary, or of the distance between domains: it grows to tanh(5 α) over the training (Hashimoto "
            "2020). GroupDRO's domains change their weight at a tenth of it.",
            "domain",
            searched=Searched(whole=True),
        ),
    ] = 0.1
