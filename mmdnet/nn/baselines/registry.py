"""The methods of the field by name: one entry says all there is to say of one. Nothing heavy is imported here."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from mmdnet.errors import LabError
from mmdnet.nn.registry import Factory, load

if TYPE_CHECKING:
    from mmdnet.nn.baselines.contract import BagModel, BranchShape


@dataclass(frozen=True, slots=True)
class BaselineEntry:
    """A method.

    Attributes:
        name: on the command line and in results; it never changes.
        title: for people.
        paper: where it was described, in short; the method's file has the formula and what was simplified.
        branch: its `Branch`, as "module:Class".
        model: its `BagModel`, where the tasks share something.
        from_patches: it learns from grades of single patches as well: not comparable with those that do not.
        scales: magnifications it sees of each patch.
        adversary: it has a domain part, whose strength can be chosen.
        ignored_task: it learns the paper's fourth task as well, whether a bag holds a patch that readers set aside; it
            is trained only where it is asked for by name.
    """

    name: str
    title: str
    paper: str
    branch: Factory
    model: Factory = "mmdnet.nn.baselines.contract:BagModel"
    from_patches: bool = False
    scales: int = 1
    adversary: bool = False
    ignored_task: bool = False


_BASELINES: dict[str, BaselineEntry] = {}
BASELINES: Mapping[str, BaselineEntry] = MappingProxyType(_BASELINES)
MMD_NET, MMD_NET_FOUR = "mmd-net", "mmd-net-four"


def add_baseline(entry: BaselineEntry) -> None:
    """Make a method known.

    Raises:
        ValueError: one of that name is known.
    """
    if entry.name in _BASELINES:
        raise ValueError(f"there is a method called {entry.name} already")
    _BASELINES[entry.name] = entry


def remove_baseline(name: str) -> None:
    """Forget a method that was added, as tests do."""
    _BASELINES.pop(name, None)


def baselines_called(names: Iterable[str]) -> tuple[BaselineEntry, ...]:
    """The entries of these methods, each once; all of them for no name.

    Raises:
        LabError: there is no such method.
    """
    wanted = tuple(dict.fromkeys(names)) or tuple(_BASELINES)
    for name in wanted:
        if name not in _BASELINES:
            raise LabError(f'There is no method called "{name}". Known are: {", ".join(_BASELINES)}.')
    return tuple(_BASELINES[name] for name in wanted)


def create_baseline(entry: BaselineEntry, shape: "BranchShape", tasks: Mapping[str, int]) -> "BagModel":
    """A method's network on these tasks, its weights at random."""
    return load(entry.model)(load(entry.branch), shape, tasks)


_INSTANCES, _POOLING, _CONTEXT, _ADVERSARY = (
    f"mmdnet.nn.baselines.{family}" for family in ("instances", "pooling", "context", "adversary")
)
for _entry in (
    BaselineEntry(
        "single-instance", "Single instance, Vanilla", "Ray 2005", f"{_INSTANCES}.single_instance:SingleInstance"
    ),
    BaselineEntry("mean", "Mean pooling", "Wang 2018", f"{_POOLING}.mean_max:MeanPooling"),
    BaselineEntry("max", "Maximum pooling", "Wang 2018", f"{_POOLING}.mean_max:MaxPooling"),
    BaselineEntry("abmil", "ABMIL / DeepMIL, gated", "Ilse 2018", f"{_POOLING}.abmil:ABMIL"),
    BaselineEntry("varmil", "VarMIL (DeepSMILE)", "Schirris 2022", f"{_POOLING}.varmil:VarMIL"),
    BaselineEntry("idars", "IDaRS", "Bilal 2021", f"{_INSTANCES}.idars:IDaRS"),
    BaselineEntry("clam-sb", "CLAM-SB", "Lu 2021", f"{_POOLING}.clam:ClamSB"),
    BaselineEntry("clam-mb", "CLAM-MB", "Lu 2021", f"{_POOLING}.clam:ClamMB"),
    BaselineEntry("dsmil", "DSMIL", "Li 2021", f"{_POOLING}.dsmil:DSMIL"),
    BaselineEntry("transmil", "TransMIL", "Shao 2021", f"{_CONTEXT}.transmil:TransMIL"),
    BaselineEntry("dest", "DEST-like (enhanced Swin)", "Yan 2022", f"{_CONTEXT}.dest:DEST", scales=2),
    BaselineEntry("ibmil", "IBMIL", "Lin 2023", f"{_POOLING}.ibmil:IBMIL"),
    BaselineEntry("remix", "ReMix on ABMIL", "Yang 2022", f"{_POOLING}.remix:ReMix"),
    BaselineEntry("da-mil", "DA-MIL", "Hashimoto 2020", f"{_ADVERSARY}.da_mil:DAMIL", adversary=True),
    BaselineEntry(
        "da-mil-ms", "DA-MIL, two scales", "Hashimoto 2020", f"{_ADVERSARY}.da_mil:MultiScaleDAMIL", scales=2
    ),
    BaselineEntry("graph", "Patch graph (Xfibrosis-like)", "Chen 2021", f"{_CONTEXT}.graph:PatchGraph"),
    BaselineEntry("two-stage", "Region filter, then MIL", "Junaid, Ahmadvand", f"{_POOLING}.two_stage:TwoStage"),
    BaselineEntry(
        "heinemann", "Heinemann, patches first", "Heinemann 2022", f"{_INSTANCES}.heinemann:Heinemann",
        from_patches=True,
    ),
    BaselineEntry(
        "mtl-mil", "MTL-MIL", "MMD-Net, Table 2", f"{_ADVERSARY}.mmd_net:TaskBranch",
        f"{_ADVERSARY}.mmd_net:MultiTaskMIL",
    ),
    BaselineEntry(
        MMD_NET, "MMD-Net", "MMD-Net", f"{_ADVERSARY}.mmd_net:TaskBranch", f"{_ADVERSARY}.mmd_net:MMDNetHeads",
        adversary=True,
    ),
    BaselineEntry(
        "mmd-net-patches", "MMD-Net, patch grades too", "this program", f"{_ADVERSARY}.mmd_net:TaskBranch",
        f"{_ADVERSARY}.mmd_net:MMDNetWithPatches", from_patches=True, adversary=True,
    ),
    BaselineEntry(
        MMD_NET_FOUR, "MMD-Net, four tasks", "MMD-Net, Table 2", f"{_ADVERSARY}.mmd_net:TaskBranch",
        f"{_ADVERSARY}.mmd_net:MMDNetFourTasks", adversary=True, ignored_task=True,
    ),
):  # fmt: skip
    add_baseline(_entry)
