"""What the People page is made of: one's own account, everybody's, and the log of access."""
