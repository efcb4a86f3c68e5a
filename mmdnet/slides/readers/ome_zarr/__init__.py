"""OME-Zarr (NGFF): a slide as a folder, or a zip, of chunks; read without the zarr package."""
