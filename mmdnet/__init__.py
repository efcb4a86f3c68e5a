"""MMD-Net lab: scores fatty-liver biopsies from weak labels; research use only."""

import os

# Threads that wait for each other sleep instead of spinning (read once, when torch loads its OpenMP). Where others
# share the cores, as the application shares them with its worker, spinning cost six times the processor time.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

__version__ = "0.1.0"
