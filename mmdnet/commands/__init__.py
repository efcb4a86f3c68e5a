"""The commands of the command line, a module each; `mmdnet.cli` puts them together."""
