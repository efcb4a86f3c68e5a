"""What stands in front of every answer of the server: hosts and headers, patience, what was sent, memory."""
