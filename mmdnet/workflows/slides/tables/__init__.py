"""Facts and grades of slides as a table: rows, the plan of what they change, out and in."""
