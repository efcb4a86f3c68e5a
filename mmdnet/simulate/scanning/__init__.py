"""From dye to a slide's file: stain, what goes wrong, the scanner, the pyramid."""
