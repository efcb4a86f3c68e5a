"""Methods whose instances hear from each other before the bag is graded: graphs and transformers."""
