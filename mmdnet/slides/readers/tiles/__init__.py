"""Single tiles of a slide's file: found in a TIFF, decoded, kept, and pasted into the windows they are part of."""
