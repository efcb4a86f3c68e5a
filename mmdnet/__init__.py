"""MMD-Net lab: scores fatty-liver biopsies from weak labels; research use only."""

__version__ = "0.1.0"
