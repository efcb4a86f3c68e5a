"""What makes a network insensitive to where a slide is from: the adversary, and distances between domains."""
