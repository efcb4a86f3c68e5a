"""What is kept of a slide's patches for networks: features, computed once or brought along, and local densities."""
