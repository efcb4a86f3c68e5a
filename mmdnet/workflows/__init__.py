"""The use cases a button or a command starts."""
