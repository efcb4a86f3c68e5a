#!/usr/bin/env bash
# torchmil 1.0.2: the graph convolution of DeepGraphSurv hands a patch the features of other patches, neighbours or not.
#
# Expected: a Chebyshev convolution (Defferrard 2016) computes a patch's output from that patch and those joined to
#           it, without edges from it alone; the order in which patches come changes nothing but the order.
# Seen:     without any edge, changing the last of six patches changes the outputs of two others as well. The same
#           patches and edges in another order give other outputs; DeepGraphSurv's logit moves by as much as from
#           slide to slide. The orders of the polynomial are stacked in front of the patches and reshaped as if they
#           stood behind them. No other model uses this layer.
# For a lab: a slide's risk depends on the order in which its patches were cut, and nothing fails: it trains and
#           predicts, and in a comparison of methods just this one does not do well.
# Searched (issues, documentation): torchmil, ChebConv, DeepGraphSurv, permutation, reshape. Found nothing of
#           torchmil.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" --disable-pip-version-check -q install \
    torchmil==1.0.2 torch==2.13.0 tensordict==0.15.3 torchmetrics==1.9.0 numpy==2.4.6 scipy==1.17.1 pandas==3.1.1

cat > "$place/look.py" <<'PY'
import torch
from torchmil.models import DeepGraphSurv
from torchmil.nn.gnns import ChebConv

PATCHES, WIDTH, ORDERS = 6, 4, 3
torch.manual_seed(0)
features, order = torch.randn(1, PATCHES, WIDTH), torch.randperm(PATCHES)
alone = torch.zeros(1, PATCHES, PATCHES)
chain = torch.diag(torch.ones(PATCHES - 1), 1)
chain = (chain + chain.T)[None] / 2  # of rows that sum to 1 or less


def polynomials(x, edges):
    """x and its Chebyshev polynomials of the Laplacian, each (patches, width)."""
    laplacian = torch.diag(edges.sum(0)) - edges - torch.eye(len(x))  # scaled by lambda_max = 2
    terms = [x, laplacian @ x]
    while len(terms) < ORDERS:
        terms.append(2 * laplacian @ terms[-1] - terms[-2])
    return terms


def turned(edges):
    return edges[:, order][:, :, order]


with torch.no_grad():
    layer = ChebConv(WIDTH, WIDTH, K=ORDERS, compute_lambda_max=False)
    changed = features.clone()
    changed[0, -1] += 1
    moved = (layer(features, alone) - layer(changed, alone)).abs().amax((0, 2)) > 1e-4
    reached = moved.nonzero().flatten().tolist()
    print("no edges, the last of six patches changed; outputs changed:", reached)
    seen, other = layer(features, chain)[0], layer(features[:, order], turned(chain))[0]
    terms = polynomials(features[0], chain[0])
    formula = torch.cat(terms, dim=1) @ layer.fc.weight.T
    reshaped = torch.stack(terms).reshape(PATCHES, -1) @ layer.fc.weight.T
    offs = [float((seen - x).abs().max()) for x in (formula, reshaped)] + [float((seen[order] - other).abs().max())]
    print("off the formula, the orders reshaped, other order of patches: " + ", ".join(f"{off:.3f}" for off in offs))
    model = DeepGraphSurv((WIDTH,)).eval()
    slides = torch.randn(200, PATCHES, WIDTH)
    edges = chain.expand(len(slides), -1, -1)
    logits, reordered = model(slides, edges), model(slides[:, order], turned(edges))
    apart, spread = float((logits - reordered).std()), float(logits.std())
    print(f"DeepGraphSurv, logits of 200 slides: spread {spread:.3f}, change by the order of patches {apart:.3f}")
same = reached == [1, 3, 5] and offs[1] < 1e-4 and min(offs[0], offs[2]) > 0.1
raise SystemExit(0 if same and apart > spread / 2 else 1)
PY
"$place/venv/bin/python" "$place/look.py" || { echo "Changed."; exit 1; }
echo "As described."
